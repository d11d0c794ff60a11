<?php
/**
 * Coupons that apply themselves: those of a link, and those that were just bought with points.
 *
 * @package Perennial
 */

defined( 'ABSPATH' ) || exit;

/**
 * A code waits in the shopper's session until the store knows the coupon and the cart fits it; then it is applied,
 * once. Whoever takes it off again is not given it a second time.
 */
final class Perennial_Coupon {

	const QUERY   = 'perennial_coupon';
	const WAITING = 'perennial_coupons';
	const MOST    = 5;
	const SECONDS = 4;
	const PAUSE   = 250000;

	/**
	 * Hear of links and of carts.
	 */
	public static function listen() {
		add_action( 'template_redirect', array( __CLASS__, 'visit' ), 6 );
		add_action( 'template_redirect', array( __CLASS__, 'apply' ), 7 );
		add_action( 'woocommerce_removed_coupon', array( __CLASS__, 'forget' ) );
	}

	/**
	 * A link brought a code.
	 */
	public static function visit() {
		// phpcs:ignore WordPress.Security.NonceVerification.Recommended -- a link from anywhere is what this is for.
		$given = isset( $_GET[ self::QUERY ] ) && is_string( $_GET[ self::QUERY ] ) ? sanitize_text_field( wp_unslash( $_GET[ self::QUERY ] ) ) : '';
		self::wait( $given );
	}

	/**
	 * Let a code wait for the cart that it fits.
	 *
	 * @param string $given As somebody wrote it.
	 */
	public static function wait( $given ) {
		$code    = self::clean( $given );
		$session = self::session();
		if ( '' === $code || null === $session ) {
			return;
		}
		// A guest has no session before the first thing in the cart.
		if ( ! $session->has_session() ) {
			$session->set_customer_session_cookie( true );
		}
		$waiting = array_unique( array_merge( array( $code ), self::waiting() ) );
		$session->set( self::WAITING, array_slice( $waiting, 0, self::MOST ) );
	}

	/**
	 * Apply what fits now; the rest waits on.
	 */
	public static function apply() {
		$waiting = self::waiting();
		if ( ! $waiting || ! function_exists( 'WC' ) || ! WC()->cart || WC()->cart->is_empty() ) {
			return;
		}
		$left = array();
		foreach ( $waiting as $code ) {
			if ( ! self::done( $code ) ) {
				$left[] = $code;
			}
		}
		if ( $left !== $waiting ) {
			self::session()->set( self::WAITING, $left );
		}
	}

	/**
	 * Wait a moment for the store to be told of a coupon that was just bought, and apply it: Perennial makes it within a
	 * second or two. Whatever takes longer waits for the next page.
	 *
	 * @param string $code The coupon's.
	 * @return bool Whether it is in the cart.
	 */
	public static function at_once( $code ) {
		if ( ! function_exists( 'WC' ) || ! WC()->cart || WC()->cart->is_empty() ) {
			return false;
		}
		$until = microtime( true ) + (float) apply_filters( 'perennial_seconds_for_coupon', self::SECONDS );
		while ( ! self::made( $code ) ) {
			if ( microtime( true ) >= $until ) {
				return false;
			}
			usleep( self::PAUSE );
		}
		self::apply();
		return WC()->cart->has_discount( wc_format_coupon_code( $code ) );
	}

	/**
	 * How far a code of this shopper's is: making, ready, or used, which is in the cart. Of codes that do not wait in the
	 * session nothing is said: nobody finds out here which coupons a shop has.
	 *
	 * @param string $given As somebody wrote it.
	 * @return string
	 */
	public static function state( $given ) {
		$code = self::clean( $given );
		if ( '' === $code || ! function_exists( 'WC' ) || ! WC()->cart ) {
			return 'unknown';
		}
		if ( WC()->cart->has_discount( wc_format_coupon_code( $code ) ) ) {
			return 'used';
		}
		if ( ! in_array( $code, self::waiting(), true ) ) {
			return 'unknown';
		}
		return self::made( $code ) ? 'ready' : 'making';
	}

	/**
	 * Whether the store knows a coupon. Asked anew each time: it may have come meanwhile.
	 *
	 * @param string $code The coupon's.
	 * @return bool
	 */
	private static function made( $code ) {
		return wc_get_coupon_id_by_code( wc_format_coupon_code( $code ) ) > 0;
	}

	/**
	 * A shopper took a coupon off: it waits no more.
	 *
	 * @param string $code The coupon's.
	 */
	public static function forget( $code ) {
		$session = self::session();
		$waiting = self::waiting();
		if ( null !== $session && $waiting ) {
			$session->set( self::WAITING, array_values( array_diff( $waiting, array( self::clean( $code ) ) ) ) );
		}
	}

	/**
	 * The code as coupons of ours are written; empty for what cannot be one.
	 *
	 * @param string $given As somebody wrote it.
	 * @return string
	 */
	public static function clean( $given ) {
		$code = strtoupper( trim( $given ) );
		return preg_match( '/\A[A-Z0-9][A-Z0-9-]{2,63}\z/', $code ) ? $code : '';
	}

	/**
	 * Whether there is nothing more to do for a code: it is in the cart, now or before.
	 *
	 * @param string $code One that waits.
	 * @return bool
	 */
	private static function done( $code ) {
		$cart = WC()->cart;
		if ( $cart->has_discount( wc_format_coupon_code( $code ) ) ) {
			return true;
		}
		$coupon = new WC_Coupon( $code );
		if ( ! $coupon->get_id() ) {
			return false;
		}
		// Asked for first: a coupon that does not fit yet must not greet the shopper with an error.
		$discounts = new WC_Discounts( $cart );
		return true === $discounts->is_coupon_valid( $coupon ) && $cart->apply_coupon( $code );
	}

	/**
	 * The codes that wait, the newest first.
	 *
	 * @return string[]
	 */
	private static function waiting() {
		$session = self::session();
		$found   = null === $session ? array() : $session->get( self::WAITING, array() );
		return is_array( $found ) ? array_values( array_filter( array_map( array( __CLASS__, 'clean' ), array_filter( $found, 'is_string' ) ) ) ) : array();
	}

	/**
	 * WooCommerce's session of this shopper; null where it has none, as in the admin.
	 *
	 * @return WC_Session_Handler|null
	 */
	public static function session() {
		return function_exists( 'WC' ) && isset( WC()->session ) && WC()->session ? WC()->session : null;
	}
}
