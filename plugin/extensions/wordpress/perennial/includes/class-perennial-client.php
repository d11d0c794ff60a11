<?php
/**
 * Questions to Perennial: signed, short, and never in the way of a page.
 *
 * @package Perennial
 */

defined( 'ABSPATH' ) || exit;

/**
 * Asks, and remembers answers for a minute. A service that does not answer is left alone for a minute too: a page of
 * the shop waits for it once, and not each time.
 */
final class Perennial_Client {

	const SECONDS  = 2;
	const REMEMBER = 60;
	const EARNING  = 300;
	const QUIET    = 'perennial_quiet';
	const EPOCH    = 'perennial_epoch';

	/**
	 * What was asked while this very page is made.
	 *
	 * @var array<string,array<string,mixed>|null>
	 */
	private static $known = array();

	/**
	 * The account of whoever is looking: theirs if they are logged in, else what the program offers. Null where there
	 * is nothing to show: not paired, or no answer.
	 *
	 * @return array<string,mixed>|null
	 */
	public static function account() {
		$asked = self::whose( Perennial_Referral::code() );
		$name  = self::name( $asked );
		if ( array_key_exists( $name, self::$known ) ) {
			return self::$known[ $name ];
		}
		$found = get_transient( $name );
		if ( ! is_array( $found ) ) {
			// What the visit shows is not in the name: it is told with a question, and no question of its own.
			$found = self::patient( 'account', $asked + Perennial_Visitor::shown() );
			// Codes that somebody makes up fill nobody's tables.
			if ( null !== $found && ( '' === $asked['ref'] || ! empty( $found['invitation'] ) ) ) {
				set_transient( $name, $found, self::REMEMBER );
			}
		}
		self::$known[ $name ] = $found;
		return $found;
	}

	/**
	 * Forget what is known of whoever is looking, because it has just changed.
	 */
	public static function forget() {
		foreach ( array( Perennial_Referral::code(), '' ) as $ref ) {
			$name = self::name( self::whose( $ref ) );
			delete_transient( $name );
			unset( self::$known[ $name ] );
		}
	}

	/**
	 * Forget what is known of everybody: the names of the transients begin anew.
	 */
	public static function forget_all() {
		update_option( self::EPOCH, (int) get_option( self::EPOCH, 0 ) + 1, true );
		self::$known = array();
	}

	/**
	 * What goods bring: of each piece, or of all as one order. Kept for some minutes, for a page of products is the same
	 * page to many.
	 *
	 * @param string[] $pieces   As Perennial_Earning names them.
	 * @param bool     $together As one order.
	 * @return array<int,array<string,mixed>>|null
	 */
	public static function earn( $pieces, $together ) {
		$asked = array(
			'customer' => self::customer(),
			'pieces'   => implode( ';', $pieces ),
			'together' => $together ? 1 : 0,
			'language' => self::language(),
		);
		$name  = self::name( $asked );
		$found = get_transient( $name );
		if ( ! is_array( $found ) ) {
			$found = self::patient( 'earn', $asked );
			if ( null === $found || ! isset( $found['earn'] ) || ! is_array( $found['earn'] ) || ! in_array( count( $found['earn'] ), array( 0, $together ? 1 : count( $pieces ) ), true ) ) {
				return null;
			}
			set_transient( $name, $found, self::EARNING );
		}
		Perennial_Words::name( isset( $found['look'] ) && is_array( $found['look'] ) ? $found['look'] : array() );
		return $found['earn'];
	}

	/**
	 * A page of the history of whoever is logged in.
	 *
	 * @param int $before Where it begins; 0 for the newest.
	 * @return array<string,mixed>|null
	 */
	public static function history( $before ) {
		return self::patient(
			'history',
			array(
				'customer' => self::customer(),
				'before'   => $before,
				'language' => self::language(),
			)
		);
	}

	/**
	 * What an order of whoever is logged in brought.
	 *
	 * @param int $order_id Its number.
	 * @return array<string,mixed>|null
	 */
	public static function order( $order_id ) {
		return self::patient(
			'order',
			array(
				'customer' => self::customer(),
				'order'    => (string) $order_id,
				'language' => self::language(),
			)
		);
	}

	/**
	 * The language of the site, in which Perennial's own sentences come.
	 *
	 * @return string
	 */
	public static function language() {
		return (string) preg_replace( '/[^A-Za-z_-]/', '', (string) get_locale() );
	}

	/**
	 * Whose account is asked for.
	 *
	 * @param string $ref The invitation by which the visitor came.
	 * @return array<string,string>
	 */
	private static function whose( $ref ) {
		return array(
			'customer' => self::customer(),
			'ref'      => $ref,
			'language' => self::language(),
		);
	}

	/**
	 * Ask, unless the service was silent a moment ago; null where there is no answer.
	 *
	 * @param string              $what  The last part of the path.
	 * @param array<string,mixed> $asked The question.
	 * @return array<string,mixed>|null
	 */
	private static function patient( $what, $asked ) {
		if ( get_transient( self::QUIET ) ) {
			return null;
		}
		$answer = self::ask( $what, $asked );
		return is_wp_error( $answer ) ? null : $answer;
	}

	/**
	 * Say something that needs no answer, and do not wait for one; a service that is silent is told nothing.
	 *
	 * @param string              $what The last part of the path.
	 * @param array<string,mixed> $told What is said.
	 */
	public static function tell( $what, $told ) {
		$connection = Perennial_Connection::get();
		if ( null !== $connection && ! get_transient( self::QUIET ) ) {
			self::post( $connection, $what, $told, 1, false );
		}
	}

	/**
	 * Ask now. A refusal is an error with Perennial's own code and message; silence is perennial_silent.
	 *
	 * @param string              $what    The last part of the path.
	 * @param array<string,mixed> $asked   The question.
	 * @param int                 $seconds How long to wait.
	 * @return array<string,mixed>|WP_Error
	 */
	public static function ask( $what, $asked, $seconds = self::SECONDS ) {
		$connection = Perennial_Connection::get();
		if ( null === $connection ) {
			return new WP_Error( 'perennial_unpaired', __( 'This store is not connected to Perennial yet.', 'perennial' ) );
		}
		return self::heard( self::post( $connection, $what, $asked, $seconds, true ) );
	}

	/**
	 * Sign and send.
	 *
	 * @param Perennial_Connection $connection Where to, and with which secret.
	 * @param string               $what       The last part of the path.
	 * @param array<string,mixed>  $asked      The question.
	 * @param int                  $seconds    How long to wait.
	 * @param bool                 $answer     Whether to wait for an answer at all.
	 * @return array<string,mixed>|WP_Error
	 */
	private static function post( $connection, $what, $asked, $seconds, $answer ) {
		$path   = '/companion/' . $what;
		$body   = (string) wp_json_encode( $asked );
		$signed = Perennial_Signature::sign( $connection->secret, 'POST', $path, $connection->shop, $body, time(), Perennial_Signature::nonce() );
		$header = array(
			'Content-Type' => 'application/json',
			'Accept'       => 'application/json',
		);
		foreach ( $signed as $name => $value ) {
			$header[ 'X-Perennial-' . ucfirst( $name ) ] = $value;
		}
		return wp_remote_post(
			$connection->app_url . $path,
			array(
				'timeout'             => $seconds,
				'redirection'         => 0,
				'blocking'            => $answer,
				'headers'             => $header,
				'body'                => $body,
				'limit_response_size' => 262144,
				'user-agent'          => 'Perennial/' . PERENNIAL_VERSION,
			)
		);
	}

	/**
	 * What an answer says; whatever is none is noted, for the merchant to see, and leaves the service alone for a while.
	 *
	 * @param array<string,mixed>|WP_Error $answer Of WordPress's HTTP API.
	 * @return array<string,mixed>|WP_Error
	 */
	private static function heard( $answer ) {
		$status = is_wp_error( $answer ) ? 0 : (int) wp_remote_retrieve_response_code( $answer );
		$said   = 0 === $status ? null : json_decode( wp_remote_retrieve_body( $answer ), true );
		if ( 200 === $status && is_array( $said ) ) {
			if ( get_option( Perennial_Connection::FAULT ) ) {
				delete_option( Perennial_Connection::FAULT );
			}
			return $said;
		}
		$error = is_array( $said ) && isset( $said['error']['code'], $said['error']['message'] ) ? $said['error'] : null;
		if ( null !== $error && in_array( $status, array( 409, 429 ), true ) ) {
			return new WP_Error( (string) $error['code'], (string) $error['message'] );
		}
		$fault = null === $error ? ( 0 === $status ? 'silent' : 'http-' . $status ) : substr( sanitize_key( $error['code'] ), 0, 60 );
		update_option( Perennial_Connection::FAULT, $fault, true );
		set_transient( self::QUIET, 1, self::REMEMBER );
		return new WP_Error( 'perennial_silent', __( 'Perennial does not answer at the moment. Please try again in a minute.', 'perennial' ) );
	}

	/**
	 * The number of the customer who is logged in, as text; empty for nobody.
	 *
	 * @return string
	 */
	public static function customer() {
		$number = get_current_user_id();
		return $number > 0 ? (string) $number : '';
	}

	/**
	 * Under which name an answer is kept.
	 *
	 * @param array<string,string> $asked The question.
	 * @return string
	 */
	private static function name( $asked ) {
		return 'perennial_' . md5( (int) get_option( self::EPOCH, 0 ) . '|' . wp_json_encode( $asked ) );
	}
}
