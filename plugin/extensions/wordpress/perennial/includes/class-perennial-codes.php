<?php
/**
 * The codes that a shopper bought with points, or won.
 *
 * @package Perennial
 */

defined( 'ABSPATH' ) || exit;

/**
 * Beside the rewards those that can still be used; in the tab all of them, with what became of each.
 */
final class Perennial_Codes {

	const ANCHOR = 'perennial-codes';

	/**
	 * All codes, as a piece of the tab: what somebody has paid for is never hidden from them.
	 *
	 * @return string
	 */
	public static function codes() {
		$account = Perennial_View::account();
		$html    = null === $account ? '' : self::listed( $account['codes'], true );
		return '' === $html ? '' : Perennial_View::piece( 'codes', __( 'Your codes', 'perennial' ), '<div id="' . self::ANCHOR . '">' . $html . '</div>' );
	}

	/**
	 * Those that can still be used, below the rewards.
	 *
	 * @param array<int,array<string,mixed>> $codes Newest first.
	 * @return string
	 */
	public static function usable( $codes ) {
		$html = self::listed( $codes, false );
		return '' === $html ? '' : '<h3>' . esc_html__( 'Your codes', 'perennial' ) . '</h3>' . $html;
	}

	/**
	 * Where all of them stand: in the tab.
	 *
	 * @return string
	 */
	public static function address() {
		$tab = function_exists( 'wc_get_account_endpoint_url' ) ? wc_get_account_endpoint_url( Perennial_Account::ENDPOINT ) : home_url( '/' );
		return $tab . '#' . self::ANCHOR;
	}

	/**
	 * Codes as a list.
	 *
	 * @param array<int,array<string,mixed>> $codes Newest first.
	 * @param bool                           $all   Also those that work no more.
	 * @return string
	 */
	private static function listed( $codes, $all ) {
		$html = '';
		foreach ( $codes as $code ) {
			$state = in_array( $code['state'], array( 'ready', 'making' ), true ) ? self::alive( $code ) : ( $all ? self::past( $code ) : '' );
			$typed = '' === $code['code'] ? '' : ' <code dir="ltr">' . esc_html( $code['code'] ) . '</code>';
			$html .= '' === $state ? '' : '<li><div><strong><bdi>' . esc_html( $code['title'] ) . '</bdi></strong>' . $typed . '</div>' . $state . '</li>';
		}
		return '' === $html ? '' : '<ul class="perennial-list perennial-codes">' . $html . '</ul>';
	}

	/**
	 * A code that can be used, or will be in a moment.
	 *
	 * @param array<string,mixed> $code The facts.
	 * @return string
	 */
	private static function alive( $code ) {
		if ( 'ready' === $code['state'] ) {
			/* translators: %s: a date. */
			$until = sprintf( __( 'Ready until %s.', 'perennial' ), Perennial_Words::day( $code['ends_at'] ) );
			$link  = add_query_arg( Perennial_Coupon::QUERY, rawurlencode( $code['code'] ), Perennial_View::shop() );
			return '<div>' . esc_html( $until ) . ' <a href="' . esc_url( $link ) . '">' . esc_html__( 'Use it now', 'perennial' ) . '</a></div>';
		}
		$text = '' === $code['code'] ? __( 'The shop hands it over to you.', 'perennial' ) : __( 'Being made; it works within a minute.', 'perennial' );
		return '<div>' . esc_html( $text ) . '</div>';
	}

	/**
	 * What became of a code that works no more.
	 *
	 * @param array<string,mixed> $code The facts.
	 * @return string
	 */
	private static function past( $code ) {
		$points = $code['points'] ? Perennial_Words::points( (int) $code['points'] ) : '';
		if ( 'returned' === $code['state'] ) {
			$why = isset( $code['why'] ) ? $code['why'] : '';
			/* translators: 1: points, such as "100 points"; 2: a reason. */
			$back = __( '%1$s returned: %2$s', 'perennial' );
			/* translators: %s: a reason. */
			$text = '' === $points ? sprintf( __( 'Ended: %s', 'perennial' ), $why ) : sprintf( $back, $points, $why );
		} elseif ( 'ended' === $code['state'] ) {
			$day = Perennial_Words::day( $code['ends_at'] );
			/* translators: 1: a date; 2: points, such as "100 points". */
			$back = __( 'Ended %1$s; %2$s will be back within two days.', 'perennial' );
			/* translators: %s: a date. */
			$text = '' === $points ? sprintf( __( 'Ended %s.', 'perennial' ), $day ) : sprintf( $back, $day, $points );
		} else {
			$text = 'yours' === $code['state'] ? __( 'Handed over', 'perennial' ) : __( 'Used', 'perennial' );
		}
		return '<div class="perennial-soft">' . esc_html( $text ) . '</div>';
	}
}
