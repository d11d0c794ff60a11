<?php
/**
 * What brought a shopper's points, and what took them.
 *
 * @package Perennial
 */

defined( 'ABSPATH' ) || exit;

/**
 * A page of movements, each with its receipt; older ones behind a plain link.
 */
final class Perennial_History {

	const QUERY = 'perennial_before';

	/**
	 * The history of whoever is logged in.
	 *
	 * @return string
	 */
	public static function history() {
		$account = Perennial_View::account();
		if ( null === $account || ! $account['logged_in'] ) {
			return '';
		}
		$before = self::before();
		$found  = $account['known'] ? Perennial_Client::history( $before ) : array( 'movements' => array(), 'next' => 0 );
		if ( null === $found || ! isset( $found['movements'], $found['next'] ) || ! is_array( $found['movements'] ) ) {
			return '';
		}
		$html = $found['movements'] ? self::table( $found['movements'] ) : '<p>' . esc_html__( 'Nothing yet: points are booked when an order is paid.', 'perennial' ) . '</p>';
		return Perennial_View::piece( 'history', __( 'What brought your points', 'perennial' ), $html . self::pages( $before, (int) $found['next'] ) );
	}

	/**
	 * The movements, newest first.
	 *
	 * @param array<int,array<string,mixed>> $movements The facts.
	 * @return string
	 */
	private static function table( $movements ) {
		$rows = '';
		foreach ( $movements as $movement ) {
			$rows .= '<tr><td>' . esc_html( Perennial_Words::day( $movement['at'] ) ) . '</td><td>' . self::receipt( $movement )
				. '</td><td class="perennial-n">' . esc_html( Perennial_Words::signed( (int) $movement['points'] ) ) . '</td></tr>';
		}
		return '<table class="perennial-table"><caption class="perennial-unseen">' . esc_html__( 'Points that came and went, newest first', 'perennial' ) . '</caption>'
			. '<thead><tr><th scope="col">' . esc_html__( 'When', 'perennial' ) . '</th><th scope="col">' . esc_html__( 'What for', 'perennial' )
			. '</th><th scope="col">' . esc_html__( 'Points', 'perennial' ) . '</th></tr></thead><tbody>' . $rows . '</tbody></table>';
	}

	/**
	 * What a movement is for, with the receipt of its entry folded behind it.
	 *
	 * @param array<string,mixed> $movement The facts.
	 * @return string
	 */
	private static function receipt( $movement ) {
		$said = '<bdi>' . esc_html( Perennial_Words::digits( $movement['sentence'] ) ) . '</bdi>';
		$html = '';
		foreach ( self::lines( $movement ) as list( $name, $value ) ) {
			$html .= '<div><dt>' . esc_html( $name ) . '</dt><dd>' . $value . '</dd></div>';
		}
		return '' === $html ? $said : '<details><summary>' . $said . '</summary><dl class="perennial-slip">' . $html . '</dl></details>';
	}

	/**
	 * The lines of a receipt.
	 *
	 * @param array<string,mixed> $movement The facts.
	 * @return array<int,string[]> Each a name, and a value that is escaped.
	 */
	private static function lines( $movement ) {
		$lines = array();
		if ( '' !== $movement['order'] ) {
			$lines[] = array( __( 'Order', 'perennial' ), '<bdi dir="ltr">' . esc_html( Perennial_Words::digits( $movement['order'] ) ) . '</bdi>' );
		}
		if ( is_array( $movement['counted'] ) ) {
			$lines[] = array( __( 'Counted', 'perennial' ), Perennial_Words::money( $movement['counted'] ) );
		}
		if ( $movement['tier_percent'] ) {
			/* translators: %s: a number, such as 150. */
			$lines[] = array( __( 'For your tier', 'perennial' ), esc_html( sprintf( __( '%s percent of the usual', 'perennial' ), Perennial_Words::number( (int) $movement['tier_percent'] ) ) ) );
		}
		foreach ( $movement['extras'] as $extra ) {
			$lines[] = array( $extra['what'], esc_html( Perennial_Words::signed( (int) $extra['points'] ) ) );
		}
		if ( $movement['capped'] ) {
			$lines[] = array( __( 'Above the cap, not paid', 'perennial' ), esc_html( Perennial_Words::number( (int) $movement['capped'] ) ) );
		}
		if ( '' !== $movement['from'] ) {
			$lines[] = array( __( 'Can be spent from', 'perennial' ), esc_html( Perennial_Words::day( $movement['from'] ) ) );
		}
		foreach ( $movement['left'] as $left ) {
			$points = Perennial_Words::points( (int) $left['points'] );
			/* translators: 1: points, such as "40 points"; 2: a date. */
			$text    = '' === $left['until'] ? $points : sprintf( __( '%1$s, until %2$s', 'perennial' ), $points, Perennial_Words::last_day( $left['until'] ) );
			$lines[] = array( __( 'Left of it', 'perennial' ), esc_html( $text ) );
		}
		return $lines;
	}

	/**
	 * Links to older movements, and back to the newest.
	 *
	 * @param int $before Where this page begins; 0 for the newest.
	 * @param int $next   Where the next one begins; 0 for none.
	 * @return string
	 */
	private static function pages( $before, $next ) {
		$links = array();
		if ( $before ) {
			$links[] = '<a href="' . esc_url( remove_query_arg( self::QUERY ) ) . '">' . esc_html__( 'Newest', 'perennial' ) . '</a>';
		}
		if ( $next ) {
			$links[] = '<a href="' . esc_url( add_query_arg( self::QUERY, (string) $next, remove_query_arg( self::QUERY ) ) ) . '">' . esc_html__( 'Older', 'perennial' ) . '</a>';
		}
		return $links ? '<p class="perennial-ways">' . implode( ' ', $links ) . '</p>' : '';
	}

	/**
	 * Which page is asked for. It is a place in the list of whoever is logged in, and nobody else's.
	 *
	 * @return int
	 */
	private static function before() {
		// phpcs:ignore WordPress.Security.NonceVerification.Recommended -- it changes nothing but what is shown.
		$given = isset( $_GET[ self::QUERY ] ) && is_string( $_GET[ self::QUERY ] ) ? sanitize_text_field( wp_unslash( $_GET[ self::QUERY ] ) ) : '';
		return preg_match( '/\A[1-9][0-9]{0,17}\z/', $given ) ? (int) $given : 0;
	}
}
