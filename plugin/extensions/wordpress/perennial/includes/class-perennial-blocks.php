<?php
/**
 * The blocks, and the shortcodes that say the same.
 *
 * @package Perennial
 */

defined( 'ABSPATH' ) || exit;

/**
 * Each is made anew on the server whenever a page is shown.
 */
final class Perennial_Blocks {

	const NAMES = array(
		'balance'  => array( 'Perennial_View', 'balance' ),
		'rewards'  => array( 'Perennial_View', 'rewards' ),
		'history'  => array( 'Perennial_History', 'history' ),
		'tiers'    => array( 'Perennial_Standing', 'tiers' ),
		'ways'     => array( 'Perennial_Ways', 'ways' ),
		'tickets'  => array( 'Perennial_Contests', 'tickets' ),
		'referral' => array( 'Perennial_View', 'referral' ),
		'earn'     => array( 'Perennial_Earning', 'earn' ),
		'cart'     => array( 'Perennial_Cart', 'cart' ),
		'badge'    => array( 'Perennial_Badge', 'badge' ),
	);

	/**
	 * Register everything in its time.
	 */
	public static function listen() {
		add_action( 'init', array( __CLASS__, 'register' ) );
	}

	/**
	 * Styles, the editor's script, blocks and shortcodes.
	 */
	public static function register() {
		wp_register_style( 'perennial', plugins_url( 'assets/perennial.css', PERENNIAL_FILE ), array(), PERENNIAL_VERSION );
		// Optional, and only where the cart's piece is: everything works without it. Older WordPress loads it at the end.
		wp_register_script(
			'perennial-storefront',
			plugins_url( 'assets/storefront.js', PERENNIAL_FILE ),
			array(),
			PERENNIAL_VERSION,
			array(
				'strategy'  => 'defer',
				'in_footer' => true,
			)
		);
		wp_register_script(
			'perennial-blocks',
			plugins_url( 'assets/blocks.js', PERENNIAL_FILE ),
			array( 'wp-blocks', 'wp-element', 'wp-block-editor', 'wp-components', 'wp-server-side-render' ),
			PERENNIAL_VERSION,
			true
		);
		$words = array( 'empty' => __( 'Shoppers see this part of Perennial here. It shows nothing as long as the store is not connected.', 'perennial' ) );
		wp_add_inline_script( 'perennial-blocks', 'var perennialWords = ' . wp_json_encode( $words ) . ';', 'before' );
		foreach ( self::NAMES as $name => $piece ) {
			$render = static function ( $asked, $content = '', $block = null ) use ( $name, $piece ) {
				return self::drawn( $name, $piece, is_array( $asked ) ? $asked : array(), $block );
			};
			register_block_type( PERENNIAL_DIR . '/blocks/' . $name, array( 'render_callback' => $render ) );
			add_shortcode( 'perennial_' . $name, $render );
		}
	}

	/**
	 * A block or a shortcode. In a list of products, a block is told which one it stands at; the balance shows nothing
	 * where the merchant has switched it off.
	 *
	 * @param string              $name  Which.
	 * @param callable            $piece What makes it.
	 * @param array<string,mixed> $asked What it says.
	 * @param WP_Block|null       $block The block, if it is one.
	 * @return string
	 */
	private static function drawn( $name, $piece, $asked, $block ) {
		if ( 'earn' === $name && ! isset( $asked['product'] ) && is_object( $block ) && isset( $block->context['postId'] ) ) {
			$asked['product'] = (int) $block->context['postId'];
		}
		return 'balance' === $name && Perennial_Look::off( 'block' ) ? '' : self::tried( $piece, $asked );
	}

	/**
	 * One piece. Whatever is wrong with it, the page around it is shown.
	 *
	 * @param callable            $piece What makes it.
	 * @param array<string,mixed> $asked What the block or the shortcode says.
	 * @return string
	 */
	public static function tried( $piece, $asked = array() ) {
		try {
			return (string) call_user_func( $piece, $asked );
		} catch ( Throwable $fault ) {
			// Its kind alone: a message may hold what it stumbled over.
			update_option( Perennial_Connection::FAULT, 'view-' . substr( sanitize_key( get_class( $fault ) ), 0, 50 ), true );
			return '';
		}
	}
}
