<?php
/**
 * Passing an invitation on: a link to this store that counts it with Perennial and leads to the messenger.
 *
 * @package Perennial
 */

defined( 'ABSPATH' ) || exit;

/**
 * No script and no pixel of anybody's: a plain link for each channel. Where it may lead is a closed list, whatever is
 * answered.
 */
final class Perennial_Sharing {

	const QUERY = 'perennial_share';
	const WAYS  = array(
		'whatsapp' => 'https://wa.me/?',
		'telegram' => 'https://t.me/share/url?',
		'email'    => 'mailto:?',
		'sms'      => 'sms:?',
		'x'        => 'https://x.com/intent/post?',
		'facebook' => 'https://www.facebook.com/sharer/sharer.php?',
	);

	/**
	 * Hear of presses, and of orders.
	 */
	public static function listen() {
		add_action( 'template_redirect', array( __CLASS__, 'lead' ), 7 );
		add_action( 'woocommerce_thankyou', array( __CLASS__, 'thank' ), 20 );
	}

	/**
	 * Somebody pressed a way to share: ask where to, and lead there. Whoever has no invitation stays where they are.
	 */
	public static function lead() {
		// phpcs:ignore WordPress.Security.NonceVerification.Recommended -- it changes nothing but a count.
		$way = isset( $_GET[ self::QUERY ] ) && is_string( $_GET[ self::QUERY ] ) ? sanitize_text_field( wp_unslash( $_GET[ self::QUERY ] ) ) : '';
		if ( ! isset( self::WAYS[ $way ] ) || '' === Perennial_Client::customer() ) {
			return;
		}
		$account = Perennial_Client::account();
		$code    = isset( $account['referral']['code'] ) ? (string) $account['referral']['code'] : '';
		if ( '' === $code ) {
			return;
		}
		$answer = Perennial_Client::ask(
			'share',
			array(
				'customer' => Perennial_Client::customer(),
				'channel'  => $way,
				'link'     => Perennial_Referral::link( $code ),
				'language' => substr( (string) get_locale(), 0, 2 ),
				'purpose'  => Perennial_Visitor::purpose(),
			) + Perennial_Visitor::shown()
		);
		$href   = ! is_wp_error( $answer ) && isset( $answer['href'] ) && is_string( $answer['href'] ) ? $answer['href'] : '';
		if ( 0 === strpos( $href, self::WAYS[ $way ] ) ) {
			nocache_headers();
			// phpcs:ignore WordPress.Security.SafeRedirect.wp_redirect_wp_redirect -- it begins as one of the list above.
			wp_redirect( $href, 302 );
			exit;
		}
	}

	/**
	 * On the page that says thanks for an order: ask the customer to invite somebody, where the merchant wants it.
	 */
	public static function thank() {
		// phpcs:ignore WordPress.Security.EscapeOutput.OutputNotEscaped -- the view escapes what it is made of.
		echo Perennial_View::thanks();
	}

	/**
	 * The address of each way, to be put into links.
	 *
	 * @return array<string,string>
	 */
	public static function ways() {
		$found = array();
		foreach ( array_keys( self::WAYS ) as $way ) {
			$found[ $way ] = add_query_arg( self::QUERY, $way, home_url( '/' ) );
		}
		return $found;
	}
}
