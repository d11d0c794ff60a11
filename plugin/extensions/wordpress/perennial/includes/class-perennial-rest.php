<?php
/**
 * What Perennial asks this site: how are you, and, with the merchant's key, take this connection.
 *
 * @package Perennial
 */

defined( 'ABSPATH' ) || exit;

/**
 * The namespace begins with wc-, because there WooCommerce lets its own keys in: the key that the merchant granted is
 * all that is needed to pair, and nobody copies a password.
 */
final class Perennial_Rest {

	const SPACE = 'wc-perennial/v1';

	/**
	 * Register the routes in their time.
	 */
	public static function listen() {
		add_action( 'rest_api_init', array( __CLASS__, 'register' ) );
	}

	/**
	 * The two routes.
	 */
	public static function register() {
		register_rest_route(
			self::SPACE,
			'/health',
			array(
				'methods'             => 'GET',
				'callback'            => array( __CLASS__, 'health' ),
				'permission_callback' => array( __CLASS__, 'may' ),
			)
		);
		register_rest_route(
			self::SPACE,
			'/connection',
			array(
				array(
					'methods'             => 'POST',
					'callback'            => array( __CLASS__, 'connect' ),
					'permission_callback' => array( __CLASS__, 'may' ),
				),
				array(
					'methods'             => 'DELETE',
					'callback'            => array( __CLASS__, 'disconnect' ),
					'permission_callback' => array( __CLASS__, 'may' ),
				),
			)
		);
	}

	/**
	 * Whoever runs the store.
	 *
	 * @return bool
	 */
	public static function may() {
		return current_user_can( 'manage_woocommerce' );
	}

	/**
	 * How this plugin is, and where its page of points is. Of the secret, a digest.
	 *
	 * @return WP_REST_Response
	 */
	public static function health() {
		$connection = Perennial_Connection::get();
		return rest_ensure_response(
			array(
				'version'   => PERENNIAL_VERSION,
				'app_url'   => null === $connection ? '' : $connection->app_url,
				'shop'      => null === $connection ? '' : $connection->shop,
				'key'       => null === $connection ? '' : Perennial_Signature::digest( $connection->secret ),
				'fault'     => (string) get_option( Perennial_Connection::FAULT, '' ),
				'page'      => Perennial_Account::address(),
				'wordpress' => get_bloginfo( 'version' ),
				'php'       => PHP_VERSION,
			)
		);
	}

	/**
	 * Take a connection, in place of what there was.
	 *
	 * @param WP_REST_Request $request With app_url, shop and secret.
	 * @return WP_REST_Response|WP_Error
	 */
	public static function connect( $request ) {
		if ( ! Perennial_Connection::keep( $request->get_json_params() ) ) {
			return new WP_Error( 'perennial_bad_connection', __( 'This is not a connection: an address by HTTPS, a shop and a secret are needed.', 'perennial' ), array( 'status' => 400 ) );
		}
		return self::health();
	}

	/**
	 * Forget the connection: the blocks show nothing from now on.
	 *
	 * @return WP_REST_Response
	 */
	public static function disconnect() {
		delete_option( Perennial_Connection::OPTION );
		Perennial_Client::forget_all();
		return self::health();
	}
}
