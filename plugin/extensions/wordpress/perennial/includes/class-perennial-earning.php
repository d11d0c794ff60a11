<?php
/**
 * What goods bring in points: on product pages, in lists of products, and in the cart.
 *
 * @package Perennial
 */

defined( 'ABSPATH' ) || exit;

/**
 * A page of products is one question. Perennial reckons as it will when the order is placed; the prices are this
 * store's, and nothing of the browser's.
 */
final class Perennial_Earning {

	// A page of products, or the choices of one.
	const MOST = 60;

	/**
	 * What is known of pieces, by their names.
	 *
	 * @var array<string,array<string,mixed>|null>
	 */
	private static $known = array();

	/**
	 * Whether the page of a product says it already.
	 *
	 * @var bool
	 */
	private static $shown = false;

	/**
	 * Hear of product pages, of their choices, and of lists.
	 */
	public static function listen() {
		add_action( 'woocommerce_single_product_summary', array( __CLASS__, 'show' ), 15 );
		add_filter( 'render_block_woocommerce/product-price', array( __CLASS__, 'after_price' ), 10, 3 );
		add_filter( 'woocommerce_available_variation', array( __CLASS__, 'choice' ), 10, 3 );
		// Only where a theme or the merchant says so: `add_filter( 'perennial_earn_in_lists', '__return_true' )`.
		add_action( 'woocommerce_after_shop_loop_item_title', array( __CLASS__, 'show_in_list' ), 15 );
	}

	/**
	 * Below the price of the product that a page is of.
	 */
	public static function show() {
		self::$shown = true;
		$escaped     = Perennial_Blocks::tried( array( __CLASS__, 'earn' ) );
		// phpcs:ignore WordPress.Security.EscapeOutput.OutputNotEscaped -- escaped where it is made.
		echo $escaped;
	}

	/**
	 * The same where the page of a product is made of blocks: behind its own price, and no other product's.
	 *
	 * @param string              $html  The price.
	 * @param array<string,mixed> $block As it stands in the page.
	 * @param WP_Block|null       $made  With the product that it is of.
	 * @return string
	 */
	public static function after_price( $html, $block, $made = null ) {
		$number = is_object( $made ) && isset( $made->context['postId'] ) ? (int) $made->context['postId'] : 0;
		if ( self::$shown || ! function_exists( 'is_product' ) || ! is_product() || get_queried_object_id() !== $number ) {
			return $html;
		}
		self::$shown = true;
		return $html . Perennial_Blocks::tried( array( __CLASS__, 'earn' ), array( 'product' => $number ) );
	}

	/**
	 * In a list of products, where the shop wants it: all of the list is asked for at once.
	 */
	public static function show_in_list() {
		if ( ! apply_filters( 'perennial_earn_in_lists', false ) ) {
			return;
		}
		global $wp_query;
		$posts = isset( $wp_query->posts ) && is_array( $wp_query->posts ) ? wp_list_pluck( $wp_query->posts, 'ID' ) : array();
		self::ask_for( array_map( array( __CLASS__, 'product' ), $posts ) );
		$escaped = Perennial_Blocks::tried( array( __CLASS__, 'earn' ) );
		// phpcs:ignore WordPress.Security.EscapeOutput.OutputNotEscaped -- escaped where it is made.
		echo $escaped;
	}

	/**
	 * What a choice of a product brings, shown by WooCommerce's own script when it is chosen. All choices are asked for
	 * at once.
	 *
	 * @param array<string,mixed> $told      Of the choice.
	 * @param WC_Product_Variable $product   The product.
	 * @param WC_Product          $variation The choice.
	 * @return array<string,mixed>
	 */
	public static function choice( $told, $product, $variation ) {
		if ( is_array( $told ) && isset( $told['availability_html'] ) ) {
			self::ask_for( array_map( array( __CLASS__, 'product' ), array_slice( $product->get_children(), 0, self::MOST ) ) );
			$told['availability_html'] .= self::of( $variation );
		}
		return $told;
	}

	/**
	 * The points of one product, for the shortcode and the block.
	 *
	 * @param array<string,mixed> $asked With a product's number, or of the page's own.
	 * @return string
	 */
	public static function earn( $asked ) {
		return self::of( self::product( isset( $asked['product'] ) ? (int) $asked['product'] : 0 ) );
	}

	/**
	 * What all that is in the cart brings.
	 *
	 * @return string
	 */
	public static function cart() {
		$pieces = array();
		foreach ( WC()->cart->get_cart() as $line ) {
			// A cart that was not reckoned yet has lines without totals.
			$line    += array(
				'line_total' => 0.0,
				'line_tax'   => 0.0,
			);
			$taxed    = wc_prices_include_tax() ? (float) $line['line_tax'] : 0.0;
			$pieces[] = self::piece( (int) $line['product_id'], (int) $line['variation_id'], (int) $line['quantity'], (float) $line['line_total'] + $taxed );
		}
		return self::together( $pieces );
	}

	/**
	 * What an order will bring that Perennial has not met yet.
	 *
	 * @param WC_Order $order Which.
	 * @return string
	 */
	public static function order( $order ) {
		$pieces = array();
		foreach ( $order->get_items() as $line ) {
			$taxed    = $order->get_prices_include_tax() ? (float) $line->get_total_tax() : 0.0;
			$pieces[] = self::piece( (int) $line->get_product_id(), (int) $line->get_variation_id(), (int) $line->get_quantity(), (float) $line->get_total() + $taxed );
		}
		return self::together( $pieces );
	}

	/**
	 * What pieces bring as one order.
	 *
	 * @param string[] $pieces Each as it is asked for.
	 * @return string
	 */
	private static function together( $pieces ) {
		$pieces = array_values( array_filter( $pieces ) );
		if ( ! $pieces || count( $pieces ) > self::MOST || self::foreign() ) {
			return '';
		}
		$found = Perennial_Client::earn( $pieces, true );
		return empty( $found[0] ) ? '' : self::said( $found[0], 'order' );
	}

	/**
	 * The points of a product or of a choice of one.
	 *
	 * @param WC_Product|null $product Which.
	 * @return string
	 */
	private static function of( $product ) {
		$name = null === $product ? '' : self::name( $product );
		if ( '' === $name ) {
			return '';
		}
		self::ask_for( array( $product ) );
		// A product of several prices is asked for by its lowest.
		$found = isset( self::$known[ $name ] ) ? self::$known[ $name ] : null;
		return null === $found ? '' : self::said( $found, $product->is_type( 'variable' ) ? 'choices' : 'product' );
	}

	/**
	 * Ask for all of these that are not known yet, at once.
	 *
	 * @param array<int,WC_Product|null> $products Some of which may be none.
	 */
	private static function ask_for( $products ) {
		$names = array_unique( array_filter( array_map( array( __CLASS__, 'name' ), array_filter( $products ) ) ) );
		$new   = array_slice( array_values( array_diff( $names, array_keys( self::$known ) ) ), 0, self::MOST );
		if ( ! $new || self::foreign() ) {
			return;
		}
		$found = Perennial_Client::earn( $new, false );
		foreach ( $new as $place => $name ) {
			self::$known[ $name ] = null === $found || ! isset( $found[ $place ] ) ? null : $found[ $place ];
		}
	}

	/**
	 * A product as it is asked for; empty for what has no price.
	 *
	 * @param WC_Product $product Which.
	 * @return string
	 */
	private static function name( $product ) {
		$parent = (int) $product->get_parent_id();
		$number = (int) $product->get_id();
		$price  = $product->get_price();
		if ( ! is_numeric( $price ) || (float) $price <= 0 ) {
			return '';
		}
		return $product->is_type( 'variation' ) && $parent ? self::piece( $parent, $number, 1, (float) $price ) : self::piece( $number, 0, 1, (float) $price );
	}

	/**
	 * A piece as it is asked for; empty for what cannot be one.
	 *
	 * @param int   $product Its number.
	 * @param int   $variant Of the choice; 0 for none.
	 * @param int   $many    How many of it.
	 * @param float $amount  The price of all of them, as orders of this store say it.
	 * @return string
	 */
	private static function piece( $product, $variant, $many, $amount ) {
		if ( $product < 1 || $variant < 0 || $many < 1 || $many > 99999 || $amount < 0 || $amount >= 1e12 ) {
			return '';
		}
		return $product . ':' . $variant . ':' . $many . ':' . number_format( $amount, wc_get_price_decimals(), '.', '' );
	}

	/**
	 * Whether prices are shown in another currency than the shop's own: what they bring is reckoned in that one alone.
	 *
	 * @return bool
	 */
	public static function foreign() {
		return get_woocommerce_currency() !== get_option( 'woocommerce_currency' );
	}

	/**
	 * In words; nothing for no points.
	 *
	 * @param array<string,mixed> $found Points, and whether just these.
	 * @param string              $what  A product, one with choices, or an order.
	 * @return string
	 */
	private static function said( $found, $what ) {
		$points = isset( $found['points'] ) ? (int) $found['points'] : 0;
		if ( $points < 1 ) {
			return '';
		}
		$exact = ! empty( $found['exact'] );
		if ( 'choices' === $what ) {
			/* translators: %s: points, such as "60 points". */
			$text = __( 'Earns %s or more', 'perennial' );
		} elseif ( 'order' === $what ) {
			/* translators: %s: points, such as "60 points". */
			$text = $exact ? __( 'This order earns %s', 'perennial' ) : __( 'This order earns about %s', 'perennial' );
		} else {
			/* translators: %s: points, such as "60 points". */
			$text = $exact ? __( 'Earns %s', 'perennial' ) : __( 'Earns about %s', 'perennial' );
		}
		wp_enqueue_style( 'perennial' );
		return '<p class="perennial perennial-earn">' . esc_html( sprintf( $text, Perennial_Words::points( $points ) ) ) . '</p>';
	}

	/**
	 * A product by its number; the page's own for 0.
	 *
	 * @param int $number Which.
	 * @return WC_Product|null
	 */
	private static function product( $number ) {
		if ( ! function_exists( 'wc_get_product' ) ) {
			return null;
		}
		$found = 0 === $number ? wc_get_product() : wc_get_product( $number );
		return $found ? $found : null;
	}
}
