<?php
/**
 * What a visitor's browser shows: by it Perennial tells a friend from an advocate who invites himself.
 *
 * @package Perennial
 */

defined( 'ABSPATH' ) || exit;

/**
 * Sent along, signed, when an invitation is taken up and when a customer looks at their account. Perennial keeps digests
 * of it for half a year, and nothing that anybody could read.
 */
final class Perennial_Visitor {

	const COOKIE = 'perennial_device';
	const DAYS   = 180;

	/**
	 * What this very request drew, before the browser sends it back.
	 *
	 * @var string
	 */
	private static $fresh = '';

	/**
	 * Hear of visits, after invitations.
	 */
	public static function listen() {
		add_action( 'template_redirect', array( __CLASS__, 'mark' ), 6 );
	}

	/**
	 * Give the browser a number of its own, if it has none: to whoever comes by an invitation, and to customers who are
	 * logged in, since those are the two who are compared.
	 */
	public static function mark() {
		$compared = '' !== Perennial_Referral::code() || '' !== Perennial_Client::customer();
		if ( '' !== self::device() || ! $compared || ! Perennial_Referral::may_keep() ) {
			return;
		}
		self::$fresh = Perennial_Signature::nonce();
		Perennial_Referral::send( self::COOKIE, self::$fresh, time() + self::DAYS * DAY_IN_SECONDS );
	}

	/**
	 * All that is sent along.
	 *
	 * @return array<string,string>
	 */
	public static function shown() {
		return array(
			'ip'     => self::ip(),
			'agent'  => self::header( 'HTTP_USER_AGENT' ),
			'device' => self::device(),
		);
	}

	/**
	 * Why the browser asks, where it says so: to fetch ahead what may be opened next, for example.
	 *
	 * @return string
	 */
	public static function purpose() {
		return trim( self::header( 'HTTP_SEC_PURPOSE' ) . ' ' . self::header( 'HTTP_PURPOSE' ) . ' ' . self::header( 'HTTP_X_PURPOSE' ) . ' ' . self::header( 'HTTP_X_MOZ' ) );
	}

	/**
	 * The site that led here, without its page; empty for this store itself.
	 *
	 * @return string
	 */
	public static function site() {
		$from = isset( $_SERVER['HTTP_REFERER'] ) ? (string) wp_parse_url( esc_url_raw( wp_unslash( $_SERVER['HTTP_REFERER'] ) ), PHP_URL_HOST ) : '';
		$home = (string) wp_parse_url( home_url( '/' ), PHP_URL_HOST );
		return '' === $from || $from === $home || ! preg_match( '/\A[a-z0-9.-]{4,100}\z/i', $from ) ? '' : 'https://' . strtolower( $from ) . '/';
	}

	/**
	 * Forget the number in this browser.
	 */
	public static function forget() {
		self::$fresh = '';
		unset( $_COOKIE[ self::COOKIE ] );
		Perennial_Referral::send( self::COOKIE, '', time() - DAY_IN_SECONDS );
	}

	/**
	 * The browser's number; empty for none.
	 *
	 * @return string
	 */
	private static function device() {
		if ( '' !== self::$fresh ) {
			return self::$fresh;
		}
		$kept = isset( $_COOKIE[ self::COOKIE ] ) && is_string( $_COOKIE[ self::COOKIE ] ) ? sanitize_text_field( wp_unslash( $_COOKIE[ self::COOKIE ] ) ) : '';
		return preg_match( '/\A[0-9a-f]{32}\z/', $kept ) ? $kept : '';
	}

	/**
	 * The visitor's address, as WooCommerce writes it into orders.
	 *
	 * @return string
	 */
	private static function ip() {
		return class_exists( 'WC_Geolocation' ) ? (string) WC_Geolocation::get_ip_address() : self::header( 'REMOTE_ADDR' );
	}

	/**
	 * What the browser says of itself, as text.
	 *
	 * @param string $name Of the server's variable.
	 * @return string
	 */
	private static function header( $name ) {
		return isset( $_SERVER[ $name ] ) && is_string( $_SERVER[ $name ] ) ? substr( sanitize_text_field( wp_unslash( $_SERVER[ $name ] ) ), 0, 400 ) : '';
	}
}
