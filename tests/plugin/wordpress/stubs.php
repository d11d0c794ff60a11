<?php
/**
 * As much of WordPress and WooCommerce as the plugin's classes touch, for a PHP that has neither. Nothing here is the
 * plugin's: what it stores, asks and sends can be looked at in $world.
 */
define( 'ABSPATH', __DIR__ . '/' );
define( 'DAY_IN_SECONDS', 86400 );
define( 'COOKIEPATH', '/' );
define( 'COOKIE_DOMAIN', '' );
define( 'PERENNIAL_VERSION', 'test' );
define( 'PERENNIAL_FILE', dirname( __DIR__, 3 ) . '/plugin/extensions/wordpress/perennial/perennial.php' );
define( 'PERENNIAL_DIR', dirname( PERENNIAL_FILE ) );

class World {
	public $options    = array( 'woocommerce_currency' => 'USD', 'time_format' => 'H:i' );
	public $transients = array();
	public $posts      = array();
	public $answers    = array();
	public $user       = 0;
	public $can        = true;
	public $hooks      = array();
	public $session    = null;
	public $cart       = null;
	public $coupons    = array();
	public $locale     = 'en_US';
	public $filters    = array( 'perennial_seconds_for_coupon' => 0 );
	public $products   = array();
	public $orders     = array();
	public $post       = null;
	public $requests   = array();
	public $styles     = array();
	public $status     = 0;
	public $currency   = 'USD';
	public $product_page = false;
	public $coupons_enabled = true;
	public $texts      = array();
	public $told       = array();
	public $account_page = 9;
}
$world = new World();

class WP_Error {
	private $code;
	private $message;
	public function __construct( $code, $message = '', $data = null ) {
		$this->code    = $code;
		$this->message = $message;
	}
	public function get_error_code() {
		return $this->code;
	}
	public function get_error_message() {
		return $this->message;
	}
}
class Redirected extends Exception {}
class Session {
	public $kept = array();
	public function has_session() {
		return true;
	}
	public function get( $name, $otherwise = null ) {
		return isset( $this->kept[ $name ] ) ? $this->kept[ $name ] : $otherwise;
	}
	public function set( $name, $value ) {
		$this->kept[ $name ] = $value;
	}
}
class Cart {
	public $applied = array();
	public $fits    = true;
	public $empty   = false;
	public function is_empty() {
		return $this->empty;
	}
	public $lines   = array();
	public $total   = 50.0;
	public function get_displayed_subtotal() {
		return $this->total;
	}
	public function get_cart() {
		return $this->lines;
	}
	public function has_discount( $code ) {
		return in_array( $code, $this->applied, true );
	}
	public function apply_coupon( $code ) {
		$this->applied[] = strtolower( $code );
		return true;
	}
}
class WC_Coupon {
	private $code;
	public function __construct( $code ) {
		$this->code = $code;
	}
	public function get_id() {
		global $world;
		return in_array( $this->code, $world->coupons, true ) ? 7 : 0;
	}
}
class WC_Discounts {
	private $cart;
	public function __construct( $cart ) {
		$this->cart = $cart;
	}
	public function is_coupon_valid( $coupon ) {
		return $this->cart->fits ? true : new WP_Error( 'invalid' );
	}
}
class Order {
	public $meta  = array();
	public $saved = 0;
	public $customer = 0;
	public $items    = array();
	public function get_customer_id() {
		return $this->customer;
	}
	public function get_items() {
		return $this->items;
	}
	public function get_prices_include_tax() {
		return false;
	}
	public function get_meta( $key ) {
		return isset( $this->meta[ $key ] ) ? $this->meta[ $key ] : '';
	}
	public function update_meta_data( $key, $value ) {
		$this->meta[ $key ] = $value;
	}
	public function save_meta_data() {
		++$this->saved;
	}
}
class Line {
	public function __construct( private $product, private $many, private $total ) {}
	public function get_product_id() {
		return $this->product;
	}
	public function get_variation_id() {
		return 0;
	}
	public function get_quantity() {
		return $this->many;
	}
	public function get_total() {
		return $this->total;
	}
}
class Product {
	public function __construct( private $id, private $price, private $type = 'simple', private $parent = 0, private $children = array() ) {}
	public function get_id() {
		return $this->id;
	}
	public function get_parent_id() {
		return $this->parent;
	}
	public function get_price() {
		return $this->price;
	}
	public function get_children() {
		return $this->children;
	}
	public function is_type( $type ) {
		return $type === $this->type;
	}
}
class User {
	public $user_email = 'ann@example.test';
	public function exists() {
		global $world;
		return $world->user > 0;
	}
}
class Request {
	private $given;
	public function __construct( $given ) {
		$this->given = $given;
	}
	public function get_json_params() {
		return $this->given;
	}
}
function WC() {
	global $world;
	return $world;
}
function __( $text, $domain ) {
	global $world;
	$said = isset( $world->texts[ $text ] ) ? $world->texts[ $text ] : $text;
	return 'perennial' === $domain ? $said : 'NO DOMAIN';
}
// Of other languages only those that have one form for all numbers.
function _n( $one, $many, $count, $domain ) {
	global $world;
	return isset( $world->texts[ $one ] ) ? $world->texts[ $one ] : ( 1 === $count ? $one : $many );
}
function esc_html( $text ) {
	return htmlspecialchars( (string) $text, ENT_QUOTES );
}
function esc_attr( $text ) {
	return htmlspecialchars( (string) $text, ENT_QUOTES );
}
function esc_url( $url ) {
	return preg_match( '~^(https?:/)?/~', $url ) ? esc_html( $url ) : '';
}
function esc_url_raw( $url ) {
	return $url;
}
function esc_html__( $text, $domain ) {
	return esc_html( __( $text, $domain ) );
}
function wp_kses_post( $html ) {
	return $html;
}
function wc_price( $amount, $asked ) {
	return '<bdi>' . esc_html( $amount . ' ' . $asked['currency'] ) . '</bdi>';
}
function wc_format_coupon_code( $code ) {
	return strtolower( $code );
}
function wc_get_page_permalink( $page ) {
	return 'https://shop.example/' . $page . '/';
}
function wc_get_page_id( $page ) {
	global $world;
	return 'myaccount' === $page ? $world->account_page : -1;
}
function wc_get_account_endpoint_url( $endpoint ) {
	return wc_get_page_permalink( 'my-account' ) . $endpoint . '/';
}
function wc_wp_theme_get_element_class_name( $element ) {
	return '';
}
function number_format_i18n( $number ) {
	return number_format( $number );
}
function wp_date( $format, $at ) {
	// Days are those of UTC here; times are of the site's own zone.
	return '' === $format ? gmdate( 'Y-m-d', $at ) : ( new DateTimeImmutable( '@' . $at ) )->setTimezone( wp_timezone() )->format( $format );
}
function wp_unique_id( $prefix ) {
	static $count = 0;
	return $prefix . ( ++$count );
}
function wp_json_encode( $value ) {
	return json_encode( $value );
}
function wp_parse_url( $url, $part = -1 ) {
	return parse_url( $url, $part );
}
function wp_unslash( $value ) {
	return stripslashes( $value );
}
function sanitize_text_field( $text ) {
	return trim( preg_replace( '/[\x00-\x1f]+/', ' ', strip_tags( $text ) ) );
}
function sanitize_email( $text ) {
	return trim( $text );
}
function sanitize_key( $text ) {
	return preg_replace( '/[^a-z0-9_-]/', '', strtolower( $text ) );
}
function sanitize_title( $text ) {
	return sanitize_key( $text );
}
function get_option( $name, $otherwise = false ) {
	global $world;
	return isset( $world->options[ $name ] ) ? $world->options[ $name ] : $otherwise;
}
function update_option( $name, $value, $autoload = null ) {
	global $world;
	$world->options[ $name ] = $value;
}
function delete_option( $name ) {
	global $world;
	unset( $world->options[ $name ] );
}
function get_transient( $name ) {
	global $world;
	return isset( $world->transients[ $name ] ) ? $world->transients[ $name ] : false;
}
function set_transient( $name, $value, $seconds ) {
	global $world;
	$world->transients[ $name ] = $value;
}
function delete_transient( $name ) {
	global $world;
	unset( $world->transients[ $name ] );
}
function wp_remote_post( $url, $asked ) {
	global $world;
	$world->posts[] = array( $url, $asked );
	$what           = basename( $url );
	if ( isset( $world->told[ $what ] ) ) {
		return array(
			'status' => 200,
			'body'   => json_encode( $world->told[ $what ] ),
		);
	}
	return $world->answers ? array_shift( $world->answers ) : new WP_Error( 'http_request_failed', 'cURL error 28' );
}
function wp_remote_retrieve_response_code( $answer ) {
	return $answer['status'];
}
function wp_remote_retrieve_body( $answer ) {
	return $answer['body'];
}
function is_wp_error( $value ) {
	return $value instanceof WP_Error;
}
function get_current_user_id() {
	global $world;
	return $world->user;
}
function current_user_can( $right ) {
	global $world;
	return $world->can && in_array( $right, array( 'manage_woocommerce', 'manage_options', 'edit_posts' ), true );
}
function wp_create_nonce( $act ) {
	return 'nonce-' . $act;
}
function wp_verify_nonce( $nonce, $act ) {
	return 'nonce-' . $act === $nonce;
}
function wp_referer_field( $show ) {
	return '<input type="hidden" name="_wp_http_referer" value="' . esc_url( $_SERVER['REQUEST_URI'] ) . '" />';
}
function wp_get_raw_referer() {
	return '/points/';
}
function wp_redirect( $to, $status = 302 ) {
	throw new Redirected( $status . ' ' . $to );
}
function nocache_headers() {
}
function get_locale() {
	global $world;
	return $world->locale;
}
function wp_safe_redirect( $to, $status = 302 ) {
	throw new Redirected( $status . ' ' . $to );
}
function add_query_arg( $name, $value, $url ) {
	return $url . ( strpos( $url, '?' ) ? '&' : '?' ) . $name . '=' . $value;
}
function home_url( $path ) {
	return 'https://shop.example' . $path;
}
function is_404() {
	return true;
}
function is_ssl() {
	return true;
}
function add_action( $hook, $callback, $priority = 10 ) {
	global $world;
	$world->hooks[ $hook ][] = $callback;
}
function add_filter( $hook, $callback, $priority = 10 ) {
	add_action( $hook, $callback, $priority );
}
function apply_filters( $hook, $value ) {
	global $world;
	return isset( $world->filters[ $hook ] ) ? $world->filters[ $hook ] : $value;
}
function wp_timezone() {
	return new DateTimeZone( 'Asia/Tehran' );
}
function wp_strip_all_tags( $html ) {
	return strip_tags( $html );
}
function wp_list_pluck( $rows, $name ) {
	return array_map(
		static function ( $row ) use ( $name ) {
			return is_object( $row ) ? $row->$name : $row[ $name ];
		},
		$rows
	);
}
function remove_query_arg( $names ) {
	list( $path, $query ) = explode( '?', $_SERVER['REQUEST_URI'] . '?' );
	parse_str( $query, $given );
	$left = array_diff_key( $given, array_flip( (array) $names ) );
	return $path . ( $left ? '?' . http_build_query( $left ) : '' );
}
function wc_get_coupon_id_by_code( $code ) {
	global $world;
	return in_array( strtoupper( $code ), $world->coupons, true ) ? 7 : 0;
}
function wc_get_product( $number = null ) {
	global $world;
	if ( null === $number ) {
		return $world->post ? $world->post : false;
	}
	return isset( $world->products[ $number ] ) ? $world->products[ $number ] : false;
}
function wc_get_order( $number ) {
	global $world;
	return isset( $world->orders[ $number ] ) ? $world->orders[ $number ] : false;
}
function wc_get_price_decimals() {
	return 2;
}
function wc_prices_include_tax() {
	return false;
}
function wp_get_current_user() {
	return new User();
}
function wp_create_user_request( $email, $what ) {
	global $world;
	if ( in_array( array( $email, $what ), $world->requests, true ) ) {
		return new WP_Error( 'duplicate_request', 'An incomplete personal data request for this email address already exists.' );
	}
	$world->requests[] = array( $email, $what );
	return count( $world->requests );
}
function wp_send_user_request( $number ) {
	return true;
}
function get_privacy_policy_url() {
	return 'https://shop.example/privacy/';
}
function get_post() {
	return null;
}
function get_bloginfo( $what ) {
	return '7.0.4';
}
function rest_ensure_response( $value ) {
	return $value;
}
class Locale_Of_Wordpress {
	public function get_month( $number ) {
		return date( 'F', mktime( 0, 0, 0, (int) $number, 1 ) );
	}
}
$wp_locale = new Locale_Of_Wordpress();
function get_woocommerce_currency() {
	global $world;
	return $world->currency;
}
class Answered extends Exception {}
function wp_send_json( $told ) {
	throw new Answered( json_encode( $told ) );
}
function wc_coupons_enabled() {
	global $world;
	return $world->coupons_enabled;
}
function is_product() {
	global $world;
	return $world->product_page;
}
function get_queried_object_id() {
	return 12;
}
function status_header( $status ) {
	global $world;
	$world->status = $status;
}
function wc_get_cart_url() {
	return 'https://shop.example/cart/';
}
function esc_attr__( $text, $domain ) {
	return esc_attr( __( $text, $domain ) );
}
function wp_enqueue_script( $name ) {
}
function wp_add_inline_style( $name, $style ) {
	global $world;
	$world->styles[] = $style;
}
function wp_enqueue_style( $name ) {
}
function is_preview() {
	return false;
}
function is_cart() {
	return true;
}
function wp_print_script_tag( $attributes ) {
	$parts = array();
	foreach ( $attributes as $name => $value ) {
		$parts[] = true === $value ? $name : $name . '="' . esc_attr( $value ) . '"';
	}
	echo '<script ' . implode( ' ', $parts ) . '></script>';
}
function admin_url( $path ) {
	return 'https://shop.example/wp-admin/' . $path;
}
function wp_nonce_field( $act ) {
	echo '<input type="hidden" name="_wpnonce" value="' . esc_attr( wp_create_nonce( $act ) ) . '">';
}
function submit_button( $text ) {
	echo '<button type="submit">' . esc_html( $text ) . '</button>';
}
