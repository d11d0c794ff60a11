<?php
/**
 * Leave nothing behind: options, what was remembered for a minute, and the invitations' codes in the orders.
 *
 * Cookies lie in shoppers' browsers, where no uninstallation reaches; they end by themselves after half a year at most, and
 * nothing reads them. Those of whoever uninstalls are taken away.
 *
 * @package Perennial
 */

defined( 'WP_UNINSTALL_PLUGIN' ) || exit;

require_once __DIR__ . '/includes/class-perennial-referral.php';
require_once __DIR__ . '/includes/class-perennial-visitor.php';

/**
 * Clean one site.
 */
function perennial_clean_site() {
	global $wpdb;
	foreach ( array( 'perennial_connection', 'perennial_fault', 'perennial_epoch', 'perennial_rules' ) as $perennial_option ) {
		delete_option( $perennial_option );
	}
	delete_transient( 'perennial_quiet' );
	// Names of transients are digests: they can only be found by how they begin.
	$perennial_like = $wpdb->esc_like( '_transient_perennial_' ) . '%';
	$perennial_ends = $wpdb->esc_like( '_transient_timeout_perennial_' ) . '%';
	// phpcs:ignore WordPress.DB.DirectDatabaseQuery.DirectQuery, WordPress.DB.DirectDatabaseQuery.NoCaching -- there is no other way to list them.
	$wpdb->query( $wpdb->prepare( "DELETE FROM {$wpdb->options} WHERE option_name LIKE %s OR option_name LIKE %s", $perennial_like, $perennial_ends ) );
	perennial_clean_orders();
}

/**
 * Take the codes out of the orders, a hundred at a time, by WooCommerce's own classes.
 */
function perennial_clean_orders() {
	if ( ! function_exists( 'wc_get_orders' ) ) {
		return;
	}
	$perennial_before = array();
	do {
		$perennial_orders = wc_get_orders(
			array(
				'limit'      => 100,
				'type'       => 'shop_order',
				'status'     => 'any',
				'orderby'    => 'ID',
				'meta_query' => array( // phpcs:ignore WordPress.DB.SlowDBQuery.slow_db_query_meta_query -- once, at the very end.
					array(
						'key'     => Perennial_Referral::META,
						'compare' => 'EXISTS',
					),
				),
			)
		);
		$perennial_ids    = array();
		foreach ( $perennial_orders as $perennial_order ) {
			$perennial_ids[] = $perennial_order->get_id();
			$perennial_order->delete_meta_data( Perennial_Referral::META );
			$perennial_order->save_meta_data();
		}
		// The same page again: something keeps the meta there, and looking for ever helps nobody.
		if ( $perennial_ids === $perennial_before ) {
			return;
		}
		$perennial_before = $perennial_ids;
	} while ( $perennial_ids );
}

if ( is_multisite() ) {
	foreach ( get_sites( array( 'fields' => 'ids', 'number' => 0 ) ) as $perennial_site ) { // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing.AssociativeArrayFound -- short.
		switch_to_blog( $perennial_site );
		perennial_clean_site();
		restore_current_blog();
	}
} else {
	perennial_clean_site();
}
Perennial_Referral::forget();
Perennial_Visitor::forget();
