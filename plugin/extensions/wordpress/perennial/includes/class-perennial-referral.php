<?php
/**
 * Who was invited: the code in a friend's link, kept in a cookie of the shop's own, and written into the order.
 *
 * @package Perennial
 */

defined( 'ABSPATH' ) || exit;

/**
 * From ?ref=CODE to the order's meta. It is a hint that a shopper could make up: Perennial judges it.
 */
final class Perennial_Referral {

	const COOKIE = 'perennial_ref';
	const META   = '_perennial_ref';
	const DAYS   = 30;

	/**
	 * The code that this very request brought, before the browser sends it back.
	 *
	 * @var string
	 */
	private static $fresh = '';

	/**
	 * The invitation that this request opened, not told yet.
	 *
	 * @var string
	 */
	private static $opened = '';

	/**
	 * Hear of visits and of orders, from both checkouts.
	 */
	public static function listen() {
		add_action( 'template_redirect', array( __CLASS__, 'visit' ), 5 );
		add_action( 'shutdown', array( __CLASS__, 'tell' ) );
		add_action( 'woocommerce_checkout_create_order', array( __CLASS__, 'mark' ) );
		add_action( 'woocommerce_store_api_checkout_update_order_meta', array( __CLASS__, 'mark_and_save' ) );
	}

	/**
	 * Keep the code of an invitation that somebody follows. The newest one counts.
	 */
	public static function visit() {
		// phpcs:ignore WordPress.Security.NonceVerification.Recommended -- a link from anywhere is what this is for.
		$given = isset( $_GET['ref'] ) && is_string( $_GET['ref'] ) ? sanitize_text_field( wp_unslash( $_GET['ref'] ) ) : '';
		$code  = self::clean( $given );
		if ( '' !== $code && self::may_keep() ) {
			self::$fresh = $code;
			self::keep( $code );
		}
		self::lead_home( $code );
		self::$opened = $code;
	}

	/**
	 * Tell Perennial, when the page is on its way to the visitor, that an invitation was opened. Nothing of who it was.
	 */
	public static function tell() {
		if ( '' === self::$opened || null === Perennial_Connection::get() ) {
			return;
		}
		if ( function_exists( 'fastcgi_finish_request' ) ) {
			fastcgi_finish_request();
		}
		$shown = Perennial_Visitor::shown();
		Perennial_Client::tell(
			'opened',
			array(
				'ref'     => self::$opened,
				'via'     => self::via(),
				'agent'   => $shown['agent'],
				'purpose' => Perennial_Visitor::purpose(),
			)
		);
		self::$opened = '';
	}

	/**
	 * By which channel the invitation came, as its link says.
	 *
	 * @return string
	 */
	public static function via() {
		// phpcs:ignore WordPress.Security.NonceVerification.Recommended -- a link from anywhere is what this is for.
		$given = isset( $_GET['via'] ) && is_string( $_GET['via'] ) ? sanitize_text_field( wp_unslash( $_GET['via'] ) ) : '';
		return preg_match( '/\A[a-z]{1,20}\z/', $given ) ? $given : '';
	}

	/**
	 * The code of the invitation by which this visitor came; empty for none.
	 *
	 * @return string
	 */
	public static function code() {
		if ( '' !== self::$fresh ) {
			return self::$fresh;
		}
		$kept = isset( $_COOKIE[ self::COOKIE ] ) && is_string( $_COOKIE[ self::COOKIE ] ) ? sanitize_text_field( wp_unslash( $_COOKIE[ self::COOKIE ] ) ) : '';
		return self::clean( $kept );
	}

	/**
	 * Write the code into an order that is being made; the checkout saves it.
	 *
	 * @param WC_Order $order The new order.
	 */
	public static function mark( $order ) {
		$code = self::code();
		if ( '' !== $code && ! $order->get_meta( self::META ) ) {
			$order->update_meta_data( self::META, $code );
		}
	}

	/**
	 * The same for the checkout made of blocks, where nobody saves after us.
	 *
	 * @param WC_Order $order The new order.
	 */
	public static function mark_and_save( $order ) {
		if ( '' !== self::code() && ! $order->get_meta( self::META ) ) {
			self::mark( $order );
			$order->save_meta_data();
		}
	}

	/**
	 * The code as Perennial writes it; empty for what cannot be one.
	 *
	 * @param string $given What a stranger wrote.
	 * @return string
	 */
	public static function clean( $given ) {
		$code = strtoupper( trim( $given ) );
		return preg_match( '/\A[A-Z0-9][A-Z0-9_-]{2,39}\z/', $code ) ? $code : '';
	}

	/**
	 * The link that a customer passes on.
	 *
	 * @param string $code Theirs.
	 * @return string
	 */
	public static function link( $code ) {
		return add_query_arg( 'ref', rawurlencode( $code ), home_url( '/' ) );
	}

	/**
	 * Forget the code in this browser.
	 */
	public static function forget() {
		self::$fresh = '';
		unset( $_COOKIE[ self::COOKIE ] );
		self::send( self::COOKIE, '', time() - DAY_IN_SECONDS );
	}

	/**
	 * Links of other places may name a page /r/CODE, which no store has: it leads to the first page.
	 *
	 * @param string $code What the query named.
	 */
	private static function lead_home( $code ) {
		if ( '' === $code || ! is_404() || ! isset( $_SERVER['REQUEST_URI'] ) ) {
			return;
		}
		$path = (string) wp_parse_url( esc_url_raw( wp_unslash( $_SERVER['REQUEST_URI'] ) ), PHP_URL_PATH );
		if ( preg_match( '~/r/[A-Za-z0-9_-]{3,40}/?\z~', $path ) ) {
			$via = self::via();
			wp_safe_redirect( '' === $via ? self::link( $code ) : add_query_arg( 'via', $via, self::link( $code ) ) );
			exit;
		}
	}

	/**
	 * Whether the visitor lets us: where a consent plugin asks, its answer counts.
	 *
	 * @return bool
	 */
	public static function may_keep() {
		return ! function_exists( 'wp_has_consent' ) || wp_has_consent( 'marketing' );
	}

	/**
	 * Keep the code in this browser.
	 *
	 * @param string $code The invitation's.
	 */
	private static function keep( $code ) {
		self::send( self::COOKIE, $code, time() + self::DAYS * DAY_IN_SECONDS );
	}

	/**
	 * Of this site only, out of scripts' reach, and sent along when somebody follows a link to the shop.
	 *
	 * @param string $name    The cookie's.
	 * @param string $value   What it keeps.
	 * @param int    $expires Seconds since 1970.
	 */
	public static function send( $name, $value, $expires ) {
		if ( headers_sent() ) {
			return;
		}
		setcookie(
			$name,
			$value,
			array(
				'expires'  => $expires,
				'path'     => COOKIEPATH ? COOKIEPATH : '/',
				'domain'   => COOKIE_DOMAIN ? COOKIE_DOMAIN : '',
				'secure'   => is_ssl(),
				'httponly' => true,
				'samesite' => 'Lax',
			)
		);
	}
}
