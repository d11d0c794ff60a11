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
	 * What a movement is for; of an order, its receipt behind the order's number.
	 *
	 * @param array<string,mixed> $movement The facts.
	 * @return string
	 */
	private static function receipt( $movement ) {
		$said = '<bdi>' . esc_html( Perennial_Words::digits( $movement['sentence'] ) ) . '</bdi>' . self::dates( $movement );
		if ( '' === $movement['order'] ) {
			return $said;
		}
		/* translators: %s: the number of an order. */
		$title = sprintf( __( 'Order %s', 'perennial' ), Perennial_Words::digits( $movement['order'] ) );
		return '<details><summary>' . esc_html( $title ) . '</summary>' . $said . '</details>';
	}

	/**
	 * From when and until when points of a movement can be spent.
	 *
	 * @param array<string,mixed> $movement The facts.
	 * @return string
	 */
	private static function dates( $movement ) {
		$html = '';
		if ( '' !== $movement['from'] ) {
			/* translators: %s: a date. */
			$html .= '<br><span class="perennial-soft">' . esc_html( sprintf( __( 'To spend from %s', 'perennial' ), Perennial_Words::day( $movement['from'] ) ) ) . '</span>';
		}
		if ( '' !== $movement['until'] ) {
			/* translators: %s: a date. */
			$html .= '<br><span class="perennial-soft">' . esc_html( sprintf( __( 'Until %s', 'perennial' ), Perennial_Words::last_day( $movement['until'] ) ) ) . '</span>';
		}
		return $html;
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
