<?php
/**
 * Contests: the shopper's tickets, cards to be scratched, and what was won.
 *
 * @package Perennial
 */

defined( 'ABSPATH' ) || exit;

/**
 * What a card wins was fixed before it was there; scratching shows it, and a card that is scratched again shows the same.
 */
final class Perennial_Contests {

	/**
	 * The tickets of whoever is logged in; nothing where they have none.
	 *
	 * @return string
	 */
	public static function tickets() {
		$account = Perennial_View::account();
		$tickets = isset( $account['tickets'] ) && is_array( $account['tickets'] ) ? $account['tickets'] : array();
		$said    = Perennial_View::outcome( Perennial_Forms::outcome( 'scratch' ) );
		if ( ! $tickets && '' === $said ) {
			return '';
		}
		$html = '';
		foreach ( $tickets as $ticket ) {
			$html .= '<li><div><strong><bdi>' . esc_html( $ticket['title'] ) . '</bdi></strong> <span class="perennial-soft">' . esc_html( self::named( $ticket ) ) . '</span></div>' . self::state( $ticket ) . '</li>';
		}
		return Perennial_View::piece( 'tickets', __( 'Your tickets', 'perennial' ), $said . ( '' === $html ? '' : '<ul class="perennial-list perennial-codes">' . $html . '</ul>' ) );
	}

	/**
	 * What to say of a card that was just scratched.
	 *
	 * @param array<string,mixed> $answer Of Perennial.
	 * @return string
	 */
	public static function shown( $answer ) {
		$prize = isset( $answer['ticket']['prize'] ) && is_string( $answer['ticket']['prize'] ) ? $answer['ticket']['prize'] : '';
		return '' === $prize ? __( 'Nothing won this time', 'perennial' ) : self::won( $prize ) . ' ' . __( 'It stands among your codes.', 'perennial' );
	}

	/**
	 * Which of them it is.
	 *
	 * @param array<string,mixed> $ticket The facts.
	 * @return string
	 */
	private static function named( $ticket ) {
		/* translators: %s: the number of a card to scratch. */
		$card = __( 'card %s', 'perennial' );
		/* translators: %s: the number of a ticket of a prize draw. */
		$drawn = __( 'ticket %s', 'perennial' );
		return sprintf( 'scratch' === $ticket['kind'] ? $card : $drawn, Perennial_Words::number( (int) $ticket['number'] ) );
	}

	/**
	 * What became of it, or the button that shows it.
	 *
	 * @param array<string,mixed> $ticket The facts.
	 * @return string
	 */
	private static function state( $ticket ) {
		if ( '' !== $ticket['request_key'] ) {
			/* translators: 1: what a contest is called; 2: such as "card 17". Read aloud in place of the button's words. */
			$label = sprintf( __( 'Scratch it: %1$s, %2$s', 'perennial' ), $ticket['title'], self::named( $ticket ) );
			return '<form method="post" action="#perennial">' . Perennial_Forms::fields( 'scratch' )
				. '<input type="hidden" name="perennial_contest" value="' . esc_attr( (string) $ticket['contest'] ) . '"><input type="hidden" name="perennial_number" value="' . esc_attr( (string) $ticket['number'] ) . '">'
				. '<input type="hidden" name="perennial_ticket" value="' . esc_attr( $ticket['request_key'] ) . '">'
				. '<button type="submit" class="' . esc_attr( Perennial_View::button_class() ) . '" aria-label="' . esc_attr( $label ) . '">' . esc_html__( 'Scratch it', 'perennial' ) . '</button></form>';
		}
		if ( '' !== $ticket['prize'] ) {
			return '<div>' . esc_html( self::won( $ticket['prize'] ) ) . ' <a href="' . esc_url( Perennial_Codes::address() ) . '">' . esc_html__( 'It stands among your codes.', 'perennial' ) . '</a></div>';
		}
		/* translators: %s: a date. */
		$text = $ticket['decided'] ? __( 'Nothing won this time', 'perennial' ) : sprintf( __( 'Drawn after %s', 'perennial' ), Perennial_Words::day( $ticket['drawn_after'] ) );
		return '<div class="perennial-soft">' . esc_html( $text ) . '</div>';
	}

	/**
	 * A prize, in a sentence.
	 *
	 * @param string $prize What it is called.
	 * @return string
	 */
	private static function won( $prize ) {
		/* translators: %s: a prize, such as "$5.00 off". */
		return sprintf( __( 'Won: %s.', 'perennial' ), "\u{2068}" . $prize . "\u{2069}" );
	}
}
