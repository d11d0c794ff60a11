<?php
/**
 * How a question to Perennial is signed. Nothing here knows WordPress.
 *
 * @package Perennial
 */

// Loaded by WordPress, and by the tests of the signature, which have none.
defined( 'ABSPATH' ) || defined( 'PERENNIAL_ALONE' ) || exit;

/**
 * HMAC-SHA256 over the method, the path, the shop, the instant, a nonce and the digest of the body.
 */
final class Perennial_Signature {

	const VERSION = 'perennial-1';

	/**
	 * What stands beside a body: the shop, the instant, the nonce and the signature.
	 *
	 * @param string $secret    What is shared with Perennial.
	 * @param string $method    Such as POST.
	 * @param string $path      Below Perennial's address, such as /companion/account.
	 * @param string $shop      The name under which Perennial keeps this store.
	 * @param string $body      As it is sent.
	 * @param int    $timestamp Seconds since 1970.
	 * @param string $nonce     32 hexadecimal digits, never used before.
	 * @return array<string,string> By the names shop, timestamp, nonce and signature.
	 */
	public static function sign( $secret, $method, $path, $shop, $body, $timestamp, $nonce ) {
		$said = implode(
			"\n",
			array( self::VERSION, $method, $path, $shop, (string) $timestamp, $nonce, hash( 'sha256', $body ) )
		);
		return array(
			'shop'      => $shop,
			'timestamp' => (string) $timestamp,
			'nonce'     => $nonce,
			'signature' => hash_hmac( 'sha256', $said, $secret ),
		);
	}

	/**
	 * A nonce: no two are alike.
	 *
	 * @return string
	 */
	public static function nonce() {
		return bin2hex( random_bytes( 16 ) );
	}

	/**
	 * By what both sides see that they hold the same secret, without showing it.
	 *
	 * @param string $secret What is shared.
	 * @return string
	 */
	public static function digest( $secret ) {
		return substr( hash( 'sha256', 'perennial companion ' . $secret ), 0, 32 );
	}
}
