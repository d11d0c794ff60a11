<?php
/**
 * Points in the cart: what they can take off now, and what the cart brings.
 *
 * @package Perennial
 */

defined( 'ABSPATH' ) || exit;

/**
 * A ladder of rewards as plain radio buttons, one form, one press. The coupon is in the cart when the page is shown
 * again.
 */
final class Perennial_Cart {

	const QUERY = 'perennial_code';
	// In place of a code: the piece as it is now.
	const WHOLE = '*';
	const KINDS = array( 'amount', 'percentage', 'free_shipping', 'product' );

	/**
	 * Whether this page has shown it already: the classic cart and its blocks have hooks of their own.
	 *
	 * @var bool
	 */
	private static $shown = false;

	/**
	 * Hear of both carts.
	 */
	public static function listen() {
		add_action( 'template_redirect', array( __CLASS__, 'tell' ), 9 );
		add_action( 'woocommerce_before_cart_totals', array( __CLASS__, 'show' ) );
		add_filter( 'render_block_woocommerce/cart', array( __CLASS__, 'before' ) );
	}

	/**
	 * Answer our script, which waits for a coupon that was bought a moment ago: whether it works now. Only for the codes
	 * of this very shopper's session.
	 */
	public static function tell() {
		// phpcs:ignore WordPress.Security.NonceVerification.Recommended -- it changes nothing.
		$given = isset( $_GET[ self::QUERY ] ) && is_string( $_GET[ self::QUERY ] ) ? sanitize_text_field( wp_unslash( $_GET[ self::QUERY ] ) ) : '';
		if ( self::WHOLE === $given ) {
			self::answer( true );
		}
		if ( '' !== $given ) {
			nocache_headers();
			wp_send_json( array( 'state' => Perennial_Coupon::state( $given ) ) );
		}
	}

	/**
	 * The piece alone, for our script, which sent the form and shows what came of it in place.
	 *
	 * @param bool $good Whether it was done.
	 */
	public static function answer( $good ) {
		status_header( $good ? 200 : 409 );
		nocache_headers();
		header( 'Content-Type: text/html; charset=' . get_option( 'blog_charset' ) );
		$escaped = Perennial_Blocks::tried( array( __CLASS__, 'cart' ) );
		// phpcs:ignore WordPress.Security.EscapeOutput.OutputNotEscaped -- escaped where it is made.
		echo $escaped;
		exit;
	}

	/**
	 * Above the totals of the classic cart.
	 */
	public static function show() {
		$escaped = self::once();
		// phpcs:ignore WordPress.Security.EscapeOutput.OutputNotEscaped -- escaped where it is made.
		echo $escaped;
	}

	/**
	 * Above the cart that is made of blocks.
	 *
	 * @param string $html The cart's.
	 * @return string
	 */
	public static function before( $html ) {
		return self::once() . $html;
	}

	/**
	 * The ladder, and what the cart brings, for the shortcode and the block.
	 *
	 * @return string
	 */
	public static function cart() {
		if ( ! function_exists( 'WC' ) || ! WC()->cart || WC()->cart->is_empty() ) {
			return '';
		}
		$account = Perennial_View::account();
		if ( null === $account || Perennial_Look::off( 'cart' ) || ! wc_coupons_enabled() ) {
			return '';
		}
		self::$shown = true;
		wp_enqueue_script( 'perennial-storefront' );
		$found = Perennial_Forms::outcome( 'cart' );
		$html  = Perennial_View::outcome( $found ) . ( null === $found ? '' : self::waiting( $found ) ) . self::ladder( $account );
		$html .= Perennial_Earning::cart();
		if ( ! $account['logged_in'] ) {
			$html .= Perennial_View::log_in();
		}
		return '' === $html ? '' : Perennial_View::piece( 'cart', __( 'Use your points', 'perennial' ), $html );
	}

	/**
	 * What our script waits for, and without it the way to the cart: there the code applies itself.
	 *
	 * @param array<string,mixed> $found What came of the form.
	 * @return string
	 */
	private static function waiting( $found ) {
		if ( '' === $found['code'] ) {
			return '';
		}
		$cart  = wc_get_cart_url();
		$state = Perennial_Coupon::state( $found['code'] );
		if ( 'used' === $state ) {
			return '';
		}
		$told = 'ready' === $state ? 'data-perennial-ready' : 'data-perennial-code="' . esc_url( add_query_arg( self::QUERY, rawurlencode( $found['code'] ), $cart ) ) . '" data-again="' . esc_url( add_query_arg( self::QUERY, rawurlencode( self::WHOLE ), $cart ) ) . '"';
		return '<p ' . $told . '><a data-perennial-use href="' . esc_url( $cart ) . '">' . esc_html__( 'Use it in the cart', 'perennial' ) . '</a></p>';
	}

	/**
	 * The same, unless this page has it already.
	 *
	 * @return string
	 */
	private static function once() {
		if ( self::$shown ) {
			return '';
		}
		self::$shown = true;
		return Perennial_Blocks::tried( array( __CLASS__, 'cart' ) );
	}

	/**
	 * What points can take off, the cheapest first; what is out of reach says what is missing.
	 *
	 * @param array<string,mixed> $account The facts.
	 * @return string
	 */
	private static function ladder( $account ) {
		if ( ! is_array( $account['balance'] ) ) {
			return '';
		}
		$rows = array();
		foreach ( $account['rewards'] as $reward ) {
			if ( in_array( $reward['kind'], self::KINDS, true ) && empty( $reward['closed'] ) && ! $reward['sold_out'] ) {
				$rows = array_merge( $rows, self::steps( $reward ) );
			}
		}
		if ( ! $rows ) {
			return '';
		}
		usort(
			$rows,
			static function ( $one, $other ) {
				return $one['points'] - $other['points'];
			}
		);
		/* translators: %s: points, such as "250 points". */
		$legend = sprintf( __( 'You have %s', 'perennial' ), Perennial_Words::points( (int) $account['balance']['spendable'] ) );
		$within = array_filter( wp_list_pluck( $rows, 'value' ) );
		$button = $within ? '<p><button type="submit" class="' . esc_attr( Perennial_View::button_class() ) . '">' . esc_html__( 'Use points', 'perennial' ) . '</button></p>' : '';
		$slider = count( $within ) > 1 ? '<div class="perennial-slider" data-perennial-slider></div>' : '';
		return '<form method="post" action="#perennial" data-perennial-redeem data-waits="' . esc_attr__( 'One moment …', 'perennial' ) . '" data-failed="'
			. esc_attr__( 'That did not reach us. Press the button again; nothing is bought twice.', 'perennial' ) . '">'
			. Perennial_Forms::fields( 'cart' ) . '<fieldset class="perennial-ladder"><legend>' . esc_html( $legend ) . '</legend>' . $slider
			. implode( '', wp_list_pluck( $rows, 'html' ) ) . '</fieldset>' . $button . '</form>';
	}

	/**
	 * A reward as rungs: one for each number of it that can be bought.
	 *
	 * @param array<string,mixed> $reward The facts.
	 * @return array<int,array<string,mixed>> With points, value and html.
	 */
	private static function steps( $reward ) {
		// A cart in another currency than the program's is compared with nothing: the shop itself asks for the least spend.
		$total = Perennial_Earning::foreign() ? INF : (float) WC()->cart->get_displayed_subtotal();
		$short = is_array( $reward['minimum'] ) && (float) $reward['minimum']['amount'] > $total;
		$rows  = array();
		foreach ( $reward['steps'] as $step ) {
			// More than the cart costs would be points for nothing; of the smallest there is no less to be had.
			if ( $rows && is_array( $step['worth'] ) && (float) $step['worth']['amount'] > $total ) {
				break;
			}
			$value  = $short || '' === $reward['request_key'] ? '' : $reward['key'] . '|' . (int) $step['steps'] . '|' . $reward['request_key'];
			$name   = count( $reward['steps'] ) > 1 && is_array( $step['worth'] ) ? Perennial_Words::money( $step['worth'] ) : '<bdi>' . esc_html( $reward['title'] ) . '</bdi>';
			$rows[] = array(
				'points' => (int) $step['points'],
				'value'  => $value,
				'html'   => '<label><input type="radio" name="perennial_rung" required value="' . esc_attr( $value ) . '"' . ( '' === $value ? ' disabled' : '' ) . '> '
					. '<span>' . $name . Perennial_Words::minimum( $reward['minimum'] ) . '</span> <span class="perennial-soft">' . esc_html( self::price( $reward, $step ) ) . '</span></label>',
			);
		}
		return $rows;
	}

	/**
	 * What a rung costs, or what is missing for it.
	 *
	 * @param array<string,mixed> $reward The facts.
	 * @param array<string,mixed> $step   How many of it.
	 * @return string
	 */
	private static function price( $reward, $step ) {
		if ( ! $reward['missing'] ) {
			return Perennial_Words::points( (int) $step['points'] );
		}
		/* translators: %s: points, such as "60 points". */
		return sprintf( __( '%s to go', 'perennial' ), Perennial_Words::points( (int) $reward['missing'] ) );
	}
}
