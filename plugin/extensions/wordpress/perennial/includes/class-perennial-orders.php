<?php
/**
 * The points of an order: on the page that says thanks, and in the customer's account.
 *
 * @package Perennial
 */

defined( 'ABSPATH' ) || exit;

/**
 * Only for the customer whose order it is. One that Perennial has not met yet is reckoned.
 */
final class Perennial_Orders {

	/**
	 * Hear of both pages.
	 */
	public static function listen() {
		add_action( 'woocommerce_thankyou', array( __CLASS__, 'show' ), 15 );
		add_action( 'woocommerce_view_order', array( __CLASS__, 'show' ), 20 );
	}

	/**
	 * The points of an order.
	 *
	 * @param int $order_id Its number.
	 */
	public static function show( $order_id ) {
		$escaped = Perennial_Blocks::tried(
			static function () use ( $order_id ) {
				return self::of( (int) $order_id );
			}
		);
		// phpcs:ignore WordPress.Security.EscapeOutput.OutputNotEscaped -- escaped where it is made.
		echo $escaped;
	}

	/**
	 * In words, with the receipt where there is one.
	 *
	 * @param int $order_id Its number.
	 * @return string
	 */
	private static function of( $order_id ) {
		$order = function_exists( 'wc_get_order' ) ? wc_get_order( $order_id ) : false;
		if ( ! $order || '' === Perennial_Client::customer() || (int) $order->get_customer_id() !== get_current_user_id() ) {
			return '';
		}
		$found = Perennial_Client::order( $order_id );
		if ( null === $found || ! array_key_exists( 'points', $found ) ) {
			return '';
		}
		$html = isset( $found['points'] ) ? self::earned( $found ) : self::later( $order );
		return '' === $html ? '' : Perennial_View::piece( 'order', __( 'Points of this order', 'perennial' ), $html );
	}

	/**
	 * What it brought, and why.
	 *
	 * @param array<string,mixed> $found The facts.
	 * @return string
	 */
	private static function earned( $found ) {
		$points = (int) $found['points'];
		/* translators: %s: points, such as "60 points". */
		$html = $points > 0 ? '<p><strong>' . esc_html( sprintf( __( 'This order brought you %s.', 'perennial' ), Perennial_Words::points( $points ) ) ) . '</strong></p>' : '';
		$said = isset( $found['sentence'] ) && is_string( $found['sentence'] ) ? $found['sentence'] : '';
		return $html . ( '' === $said ? '' : '<p class="perennial-soft"><bdi>' . esc_html( Perennial_Words::digits( $said ) ) . '</bdi></p>' );
	}

	/**
	 * What it will bring.
	 *
	 * @param WC_Order $order Which.
	 * @return string
	 */
	private static function later( $order ) {
		$html = Perennial_Earning::order( $order );
		return '' === $html ? '' : $html . '<p class="perennial-soft">' . esc_html__( 'They are booked when the order is paid, and stand in your account then.', 'perennial' ) . '</p>';
	}
}
