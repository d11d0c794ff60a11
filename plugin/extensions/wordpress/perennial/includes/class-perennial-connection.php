<?php
/**
 * Where Perennial is, and what is shared with it.
 *
 * @package Perennial
 */

defined( 'ABSPATH' ) || exit;

/**
 * One option: the address of the service, this store's name there, and the secret.
 */
final class Perennial_Connection {

	const OPTION = 'perennial_connection';
	const FAULT  = 'perennial_fault';

	/**
	 * The service's address, without a slash at its end.
	 *
	 * @var string
	 */
	public $app_url;

	/**
	 * The name under which Perennial keeps this store.
	 *
	 * @var string
	 */
	public $shop;

	/**
	 * The secret; it is shown to nobody.
	 *
	 * @var string
	 */
	public $secret;

	/**
	 * Made from what is stored.
	 *
	 * @param array<string,string> $stored What the option holds.
	 */
	private function __construct( $stored ) {
		$this->app_url = $stored['app_url'];
		$this->shop    = $stored['shop'];
		$this->secret  = $stored['secret'];
	}

	/**
	 * The connection; null as long as the store is not paired.
	 *
	 * @return self|null
	 */
	public static function get() {
		$stored = get_option( self::OPTION );
		return self::whole( $stored ) ? new self( $stored ) : null;
	}

	/**
	 * Keep a connection in place of what there was; answers whether it could be one.
	 *
	 * @param mixed $given What Perennial sent.
	 * @return bool
	 */
	public static function keep( $given ) {
		if ( ! self::whole( $given ) ) {
			return false;
		}
		$kept = array_intersect_key( $given, array_flip( array( 'app_url', 'shop', 'secret' ) ) );
		update_option( self::OPTION, $kept, true );
		delete_option( self::FAULT );
		delete_transient( Perennial_Client::QUIET );
		Perennial_Client::forget_all();
		return true;
	}

	/**
	 * Whether this has everything that a connection needs, each in the right form.
	 *
	 * @param mixed $given Stored, or sent.
	 * @return bool
	 */
	private static function whole( $given ) {
		if ( ! is_array( $given ) ) {
			return false;
		}
		foreach ( array( 'app_url', 'shop', 'secret' ) as $name ) {
			if ( ! isset( $given[ $name ] ) || ! is_string( $given[ $name ] ) ) {
				return false;
			}
		}
		return self::is_address( $given['app_url'] )
			&& preg_match( '~\A[A-Za-z0-9._\~:/%-]{1,300}\z~', $given['shop'] )
			&& preg_match( '/\A[0-9a-f]{64}\z/', $given['secret'] );
	}

	/**
	 * Whether questions may go there: to HTTPS, or to this very machine.
	 *
	 * @param string $url The service's address.
	 * @return bool
	 */
	private static function is_address( $url ) {
		$parts = wp_parse_url( $url );
		if ( ! is_array( $parts ) || empty( $parts['host'] ) || isset( $parts['user'] ) || isset( $parts['query'] ) || isset( $parts['fragment'] ) ) {
			return false;
		}
		if ( strlen( $url ) > 500 || '/' === substr( $url, -1 ) ) {
			return false;
		}
		$scheme = isset( $parts['scheme'] ) ? $parts['scheme'] : '';
		return 'https' === $scheme || ( 'http' === $scheme && in_array( $parts['host'], array( 'localhost', '127.0.0.1' ), true ) );
	}
}
