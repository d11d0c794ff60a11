<?php
/**
 * The merchant's way into Perennial: a page under WooCommerce, and one button.
 *
 * @package Perennial
 */

defined( 'ABSPATH' ) || exit;

/**
 * No password is asked for: this site has logged the merchant in, and says so with a signature that serves once.
 */
final class Perennial_Admin {

	const PAGE = 'perennial';
	const OPEN = 'perennial_open';

	/**
	 * Hear of the menu and of the button.
	 */
	public static function listen() {
		add_action( 'admin_menu', array( __CLASS__, 'menu' ), 60 );
		add_action( 'admin_post_' . self::OPEN, array( __CLASS__, 'open' ) );
		add_filter( 'plugin_action_links_' . plugin_basename( PERENNIAL_FILE ), array( __CLASS__, 'links' ) );
	}

	/**
	 * Under WooCommerce where that is there, else by itself.
	 */
	public static function menu() {
		$title = __( 'Perennial', 'perennial' );
		if ( class_exists( 'WooCommerce' ) ) {
			add_submenu_page( 'woocommerce', $title, $title, self::right(), self::PAGE, array( __CLASS__, 'show' ) );
		} else {
			add_menu_page( $title, $title, self::right(), self::PAGE, array( __CLASS__, 'show' ), 'dashicons-awards' );
		}
	}

	/**
	 * A link in the list of plugins.
	 *
	 * @param string[] $links What stands there.
	 * @return string[]
	 */
	public static function links( $links ) {
		$page = add_query_arg( 'page', self::PAGE, admin_url( 'admin.php' ) );
		return array_merge( array( '<a href="' . esc_url( $page ) . '">' . esc_html__( 'Open', 'perennial' ) . '</a>' ), $links );
	}

	/**
	 * The page: whether the store is connected, what is wrong if something is, and the button.
	 */
	public static function show() {
		if ( ! current_user_can( self::right() ) ) {
			wp_die( esc_html__( 'You may not see this page.', 'perennial' ), '', array( 'response' => 403 ) );
		}
		$connection = Perennial_Connection::get();
		echo '<div class="wrap"><h1>' . esc_html__( 'Perennial', 'perennial' ) . '</h1>';
		echo '<p>' . esc_html__( 'Points, rewards and invitations of your store. This page leads to them; you are signed in by the way.', 'perennial' ) . '</p>';
		if ( null === $connection ) {
			echo '<div class="notice notice-info inline"><p>' . esc_html__( 'This store is not connected yet. Open Perennial, connect this store there, and come back: the plugin is then found by itself.', 'perennial' ) . '</p></div>';
		} else {
			self::fault();
			echo '<form method="post" action="' . esc_url( admin_url( 'admin-post.php' ) ) . '" target="_blank">';
			echo '<input type="hidden" name="action" value="' . esc_attr( self::OPEN ) . '">';
			wp_nonce_field( self::OPEN );
			submit_button( __( 'Open Perennial', 'perennial' ) );
			echo '</form>';
			/* translators: %s: an address. */
			echo '<p class="description">' . sprintf( esc_html__( 'Connected to %s', 'perennial' ), '<code dir="ltr">' . esc_html( $connection->app_url ) . '</code>' ) . '</p>';
		}
		echo '<h2>' . esc_html__( 'On your pages', 'perennial' ) . '</h2><p>' . esc_html__( 'Put the blocks of Perennial on any page, or these shortcodes:', 'perennial' ) . '</p><ul>';
		foreach ( array_keys( Perennial_Blocks::NAMES ) as $name ) {
			echo '<li><code dir="ltr">[perennial_' . esc_html( $name ) . ']</code></li>';
		}
		echo '</ul></div>';
	}

	/**
	 * Hand the merchant over: a form that sends itself, signed this very moment.
	 */
	public static function open() {
		check_admin_referer( self::OPEN );
		$connection = Perennial_Connection::get();
		if ( ! current_user_can( self::right() ) || null === $connection ) {
			wp_die( esc_html__( 'You may not see this page.', 'perennial' ), '', array( 'response' => 403 ) );
		}
		$user   = (string) get_current_user_id();
		$path   = '/companion/enter';
		$fields = Perennial_Signature::sign( $connection->secret, 'POST', $path, $connection->shop, $user, time(), Perennial_Signature::nonce() );
		nocache_headers();
		header( 'Referrer-Policy: no-referrer' );
		header( 'Content-Type: text/html; charset=utf-8' );
		echo '<!doctype html><html ' . get_language_attributes() . '><meta name="viewport" content="width=device-width"><title>' . esc_html__( 'Perennial', 'perennial' ) . '</title>'; // phpcs:ignore WordPress.Security.EscapeOutput.OutputNotEscaped -- attributes of WordPress's own.
		echo '<form id="enter" method="post" action="' . esc_url( $connection->app_url . $path ) . '">';
		foreach ( array_merge( $fields, array( 'user' => $user ) ) as $name => $value ) {
			echo '<input type="hidden" name="' . esc_attr( $name ) . '" value="' . esc_attr( $value ) . '">';
		}
		echo '<p><button type="submit">' . esc_html__( 'Open Perennial', 'perennial' ) . '</button></p></form>';
		echo '<script>document.getElementById("enter").submit();</script></html>';
		exit;
	}

	/**
	 * What is wrong, in words, with what to do.
	 */
	private static function fault() {
		$fault = (string) get_option( Perennial_Connection::FAULT, '' );
		if ( '' === $fault ) {
			return;
		}
		$known = array(
			'silent'        => __( 'Perennial did not answer the last time. Shoppers see nothing of it until it does; ask your host whether this site may reach other servers.', 'perennial' ),
			'bad-signature' => __( 'Perennial does not know this site\'s signature. It pairs itself again within a day; connecting the store again does it at once.', 'perennial' ),
			'clock-off'     => __( 'The clock of this site\'s server is wrong by more than five minutes. Ask your host to set it.', 'perennial' ),
		);
		/* translators: %s: a short code. */
		$text = isset( $known[ $fault ] ) ? $known[ $fault ] : sprintf( __( 'The last question to Perennial failed (%s).', 'perennial' ), $fault );
		echo '<div class="notice notice-warning inline"><p>' . esc_html( $text ) . '</p></div>';
	}

	/**
	 * Who may open Perennial: whoever runs the store.
	 *
	 * @return string
	 */
	private static function right() {
		return class_exists( 'WooCommerce' ) ? 'manage_woocommerce' : 'manage_options';
	}
}
