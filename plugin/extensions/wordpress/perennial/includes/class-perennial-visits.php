<?php
/**
 * Visits of the shop's pages: counted without a cookie, and without recognising anybody.
 *
 * @package Perennial
 */

defined( 'ABSPATH' ) || exit;

/**
 * One small script of Perennial's at the end of each page. It tells of the kind of page and of the site that led there.
 */
final class Perennial_Visits {

	const CATEGORY = 'statistics-anonymous';

	/**
	 * Hear when a page ends.
	 */
	public static function listen() {
		add_action( 'wp_footer', array( __CLASS__, 'show' ) );
	}

	/**
	 * The script, on pages that shoppers see. Where a plugin asks for consent, it waits for that.
	 */
	public static function show() {
		$connection = Perennial_Connection::get();
		if ( null === $connection || is_preview() || current_user_can( 'edit_posts' ) ) {
			return;
		}
		$asked = function_exists( 'wp_has_consent' );
		wp_print_script_tag(
			array_filter(
				array(
					'src'       => $connection->app_url . '/static/count.js?ver=' . PERENNIAL_VERSION,
					'defer'     => ! $asked,
					'data-shop' => $connection->shop,
					'data-page' => self::page(),
					'data-wait' => $asked ? 'consent' : false,
				)
			)
		);
		if ( $asked ) {
			wp_print_inline_script_tag( self::waiting() );
		}
	}

	/**
	 * What kind of page this is.
	 *
	 * @return string
	 */
	private static function page() {
		$kinds = array(
			'is_front_page'       => 'home',
			'is_product'          => 'product',
			'is_cart'             => 'cart',
			'is_checkout'         => 'checkout',
			'is_product_taxonomy' => 'collection',
			'is_shop'             => 'collection',
		);
		foreach ( $kinds as $asks => $kind ) {
			if ( function_exists( $asks ) && $asks() ) {
				return $kind;
			}
		}
		return 'other';
	}

	/**
	 * Counts once, as soon as there is consent.
	 *
	 * @return string
	 */
	private static function waiting() {
		$category = wp_json_encode( self::CATEGORY );
		return '(() => { let done = false; const count = () => { if (!done && window.perennialCount) { done = true; perennialCount(); } };'
			. ' if (window.wp_has_consent && wp_has_consent(' . $category . ')) count();'
			. ' document.addEventListener("wp_listen_for_consent_change", (e) => { if (e.detail && e.detail[' . $category . '] === "allow") count(); }); })();';
	}
}
