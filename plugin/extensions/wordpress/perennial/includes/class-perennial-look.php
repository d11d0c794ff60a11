<?php
/**
 * How the merchant wants the pieces to look: colours, corners, what points are called. All of it is said in Perennial.
 *
 * @package Perennial
 */

defined( 'ABSPATH' ) || exit;

/**
 * The style stands in the page's head wherever a piece of ours will stand, so that nothing moves when it comes.
 */
final class Perennial_Look {

	const COLOUR = '/\A\x23[0-9a-f]{6}\z/';

	/**
	 * Whether the look has been told to this page.
	 *
	 * @var bool
	 */
	private static $worn = false;

	/**
	 * Hear of pages.
	 */
	public static function listen() {
		add_action( 'wp_enqueue_scripts', array( __CLASS__, 'head' ) );
	}

	/**
	 * The style and the look, for pages that have a piece of ours. What products bring needs no look.
	 */
	public static function head() {
		if ( null === Perennial_Connection::get() ) {
			return;
		}
		$post = get_post();
		$ours = $post && preg_match( '~\[perennial_|wp:perennial/~', (string) $post->post_content );
		foreach ( array( 'is_cart', 'is_account_page', 'is_order_received_page' ) as $asks ) {
			$ours = $ours || ( function_exists( $asks ) && $asks() );
		}
		if ( $ours || ( function_exists( 'is_product' ) && is_product() ) ) {
			wp_enqueue_style( 'perennial' );
		}
		if ( $ours ) {
			Perennial_Blocks::tried( array( __CLASS__, 'ask' ) );
		}
	}

	/**
	 * Know the account, and by it the look, before the page's head is sent. The pieces ask for the same.
	 *
	 * @return string
	 */
	public static function ask() {
		Perennial_View::account();
		return '';
	}

	/**
	 * Whether the merchant wants nothing shown there: block, earn or cart.
	 *
	 * @param string $where Which.
	 * @return bool
	 */
	public static function off( $where ) {
		$account = Perennial_View::account();
		return isset( $account['look']['off'] ) && in_array( $where, (array) $account['look']['off'], true );
	}

	/**
	 * Colours and corners as CSS variables, and what points are called. A colour is a hash and six digits, or nothing.
	 *
	 * @param array<string,mixed> $account The facts.
	 */
	public static function wear( $account ) {
		$look = isset( $account['look'] ) && is_array( $account['look'] ) ? $account['look'] : array();
		Perennial_Words::name( $look );
		if ( self::$worn || ! isset( $look['accent'], $look['on_accent'], $look['radius'] ) ) {
			return;
		}
		self::$worn = true;
		$said       = '';
		if ( preg_match( self::COLOUR, (string) $look['accent'] ) && preg_match( self::COLOUR, (string) $look['on_accent'] ) ) {
			$said = '--perennial-accent:' . $look['accent'] . ';--perennial-on-accent:' . $look['on_accent'] . ';';
			wp_add_inline_style( 'perennial', '.perennial .perennial-button.perennial-button{background:var(--perennial-accent);border-color:var(--perennial-accent);color:var(--perennial-on-accent)}' );
		}
		if ( is_int( $look['radius'] ) && $look['radius'] >= 0 ) {
			$said .= '--perennial-radius:' . $look['radius'] . 'px;';
		}
		if ( '' !== $said ) {
			wp_add_inline_style( 'perennial', '.perennial{' . $said . '}' );
		}
	}
}
