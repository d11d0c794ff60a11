<?php
/**
 * Plugin Name:          Perennial
 * Description:          Points, rewards and invitations in your WooCommerce store: blocks and shortcodes for shoppers, and Perennial's pages for you.
 * Version:              1.1.0
 * Requires at least:    6.0
 * Requires PHP:         7.4
 * Author:               Perennial
 * License:              Apache-2.0
 * Text Domain:          perennial
 * Domain Path:          /languages
 * Requires Plugins:     woocommerce
 * WC requires at least: 7.1
 * WC tested up to:      11.0
 *
 * What Perennial says in a store, it says from here; what it knows, it knows in its own service. This plugin keeps
 * nothing but the connection, asks with a short time-out, and shows nothing where there is no answer.
 *
 * @package Perennial
 */

defined( 'ABSPATH' ) || exit;

define( 'PERENNIAL_VERSION', '1.1.0' );
define( 'PERENNIAL_FILE', __FILE__ );
define( 'PERENNIAL_DIR', __DIR__ );

foreach ( array( 'signature', 'connection', 'client', 'referral', 'visitor', 'sharing', 'coupon', 'words', 'look', 'view', 'codes', 'badge', 'contests', 'friends', 'standing', 'history', 'ways', 'earning', 'cart', 'orders', 'account', 'forms', 'blocks', 'admin', 'privacy', 'visits', 'rest' ) as $perennial_part ) {
	require_once PERENNIAL_DIR . '/includes/class-perennial-' . $perennial_part . '.php';
}
unset( $perennial_part );

// Orders are read and written by WooCommerce's own classes alone, wherever it keeps them.
add_action(
	'before_woocommerce_init',
	static function () {
		if ( class_exists( '\Automattic\WooCommerce\Utilities\FeaturesUtil' ) ) {
			\Automattic\WooCommerce\Utilities\FeaturesUtil::declare_compatibility( 'custom_order_tables', __FILE__, true );
			\Automattic\WooCommerce\Utilities\FeaturesUtil::declare_compatibility( 'cart_checkout_blocks', __FILE__, true );
		}
	}
);

add_action(
	'init',
	static function () {
		load_plugin_textdomain( 'perennial', false, dirname( plugin_basename( __FILE__ ) ) . '/languages' );
	},
	1
);

Perennial_Rest::listen();
Perennial_Referral::listen();
Perennial_Visitor::listen();
Perennial_Sharing::listen();
Perennial_Coupon::listen();
Perennial_Forms::listen();
Perennial_Blocks::listen();
Perennial_Look::listen();
Perennial_Earning::listen();
Perennial_Cart::listen();
Perennial_Orders::listen();
Perennial_Account::listen();
Perennial_Admin::listen();
Perennial_Privacy::listen();
Perennial_Visits::listen();
