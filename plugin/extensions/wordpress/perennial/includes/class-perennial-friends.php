<?php
/**
 * Whom a shopper has invited, and how far each of them came.
 *
 * @package Perennial
 */

defined( 'ABSPATH' ) || exit;

/**
 * Of who they are there is one letter at most: what friends typed and bought is theirs.
 */
final class Perennial_Friends {

	/**
	 * The list; nothing where there is nobody.
	 *
	 * @param mixed $friends The facts.
	 * @return string
	 */
	public static function invited( $friends ) {
		$html = '';
		foreach ( is_array( $friends ) ? $friends : array() as $friend ) {
			$name  = '' === $friend['initial'] ? esc_html__( 'A friend', 'perennial' ) : '<bdi>' . esc_html( $friend['initial'] ) . '.</bdi>';
			$html .= '<li><div><strong>' . $name . '</strong> <span class="perennial-soft">' . esc_html( Perennial_Words::day( $friend['since'] ) ) . '</span></div>'
				. '<div' . ( in_array( $friend['state'], array( 'ended', 'refused' ), true ) ? ' class="perennial-soft"' : '' ) . '>' . esc_html( self::state( $friend ) ) . '</div></li>';
		}
		return '' === $html ? '' : '<h3>' . esc_html__( 'Your friends', 'perennial' ) . '</h3><ul class="perennial-list perennial-codes">' . $html . '</ul>';
	}

	/**
	 * How far a friend came.
	 *
	 * @param array<string,string> $friend The facts.
	 * @return string
	 */
	private static function state( $friend ) {
		$until = '' === $friend['until'] ? '' : Perennial_Words::day( $friend['until'] );
		switch ( $friend['state'] ) {
			case 'claimed':
				/* translators: %s: a date. */
				return sprintf( __( 'Has taken the invitation up, and may order until %s', 'perennial' ), $until );
			case 'ended':
				return __( 'Took the invitation up, and did not order in time', 'perennial' );
			case 'rewarded':
				return __( 'Ordered, and you were rewarded', 'perennial' );
			case 'refused':
				/* translators: %s: a reason. */
				return sprintf( __( 'Ordered, and is not rewarded: %s', 'perennial' ), $friend['reason'] );
		}
		if ( 'held' === $friend['state'] && '' !== $until ) {
			/* translators: %s: a date. */
			return sprintf( __( 'Ordered. Your reward can be used from %s', 'perennial' ), $until );
		}
		/* translators: %s: a reason. */
		return sprintf( __( 'Ordered. Not rewarded yet: %s', 'perennial' ), $friend['reason'] );
	}
}
