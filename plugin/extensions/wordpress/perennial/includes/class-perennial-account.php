<?php
/**
 * The tab "Points" in WooCommerce's My Account: everything of the program, what the customer chooses, and what the law
 * gives them.
 *
 * @package Perennial
 */

defined( 'ABSPATH' ) || exit;

/**
 * An endpoint of My Account, as WooCommerce's own pages there are.
 */
final class Perennial_Account {

	const ENDPOINT = 'perennial-points';
	const RULES    = 'perennial_rules';

	// By their names in the merchant's settings.
	const SECTIONS = array(
		'balance' => array( 'Perennial_Account', 'balance' ),
		'tier'    => array( 'Perennial_Standing', 'tiers' ),
		'rewards' => array( 'Perennial_Account', 'rewards' ),
		'codes'   => array( 'Perennial_Codes', 'codes' ),
		'tickets' => array( 'Perennial_Contests', 'tickets' ),
		'earn'    => array( 'Perennial_Ways', 'ways' ),
		'friends' => array( 'Perennial_View', 'referral' ),
		'history' => array( 'Perennial_History', 'history' ),
	);

	/**
	 * Hear of the account's pages and menu.
	 */
	public static function listen() {
		add_action( 'init', array( __CLASS__, 'register' ), 5 );
		add_action( 'wp_loaded', array( __CLASS__, 'renew' ) );
		add_filter( 'woocommerce_get_query_vars', array( __CLASS__, 'known' ) );
		add_filter( 'woocommerce_account_menu_items', array( __CLASS__, 'menu' ) );
		add_filter( 'woocommerce_endpoint_' . self::ENDPOINT . '_title', array( __CLASS__, 'title' ) );
		add_action( 'woocommerce_account_' . self::ENDPOINT . '_endpoint', array( __CLASS__, 'show' ) );
	}

	/**
	 * The address of the tab.
	 */
	public static function register() {
		add_rewrite_endpoint( self::ENDPOINT, EP_ROOT | EP_PAGES );
	}

	/**
	 * Let WordPress learn the address, once for each version.
	 */
	public static function renew() {
		if ( PERENNIAL_VERSION !== get_option( self::RULES ) ) {
			update_option( self::RULES, PERENNIAL_VERSION, true );
			flush_rewrite_rules( false );
		}
	}

	/**
	 * Let WooCommerce know it among its own.
	 *
	 * @param array<string,string> $names Its endpoints.
	 * @return array<string,string>
	 */
	public static function known( $names ) {
		$names[ self::ENDPOINT ] = self::ENDPOINT;
		return $names;
	}

	/**
	 * A line of the menu, before the one that logs out.
	 *
	 * @param array<string,string> $items The menu.
	 * @return array<string,string>
	 */
	public static function menu( $items ) {
		if ( null === Perennial_Connection::get() ) {
			return $items;
		}
		$ours = array( self::ENDPOINT => self::title() );
		$last = array_slice( $items, -1, 1, true );
		return 'customer-logout' === key( $last ) ? array_slice( $items, 0, -1, true ) + $ours + $last : $items + $ours;
	}

	/**
	 * What the tab is called.
	 *
	 * @return string
	 */
	public static function title() {
		return __( 'Points', 'perennial' );
	}

	/**
	 * Where the tab is, for whoever writes to customers; empty where the store has no page of an account.
	 *
	 * @return string
	 */
	public static function address() {
		$there = function_exists( 'wc_get_page_id' ) && wc_get_page_id( 'myaccount' ) > 0;
		return $there ? (string) wc_get_account_endpoint_url( self::ENDPOINT ) : '';
	}

	/**
	 * The tab.
	 */
	public static function show() {
		$escaped = '';
		foreach ( self::pieces() as $piece ) {
			$escaped .= Perennial_Blocks::tried( $piece );
		}
		if ( '' === $escaped ) {
			$escaped = '<p>' . esc_html__( 'Your points cannot be shown at the moment. Nothing of them is lost; please look again in a minute.', 'perennial' ) . '</p>';
		}
		// phpcs:ignore WordPress.Security.EscapeOutput.OutputNotEscaped -- escaped where it is made.
		echo $escaped;
	}

	/**
	 * What the tab is made of, in the merchant's order, without what they hide. What somebody chooses, and what the law
	 * gives them, is never hidden.
	 *
	 * @return callable[]
	 */
	private static function pieces() {
		$account = Perennial_View::account();
		$look    = isset( $account['look'] ) && is_array( $account['look'] ) ? $account['look'] : array();
		$order   = isset( $look['order'] ) && is_array( $look['order'] ) ? $look['order'] : array_keys( self::SECTIONS );
		$hidden  = isset( $look['hidden'] ) && is_array( $look['hidden'] ) ? $look['hidden'] : array();
		$found   = array();
		foreach ( array_diff( array_intersect( $order, array_keys( self::SECTIONS ) ), $hidden ) as $name ) {
			$found[] = self::SECTIONS[ $name ];
		}
		return array_merge( $found, array( array( __CLASS__, 'choices' ), array( __CLASS__, 'rights' ) ) );
	}

	/**
	 * The balance, with what is shown at a till.
	 *
	 * @return string
	 */
	public static function balance() {
		return Perennial_View::balance( array(), Perennial_Badge::folded( Perennial_View::account() ) );
	}

	/**
	 * The rewards, without the codes: those have their own place here.
	 *
	 * @return string
	 */
	public static function rewards() {
		return Perennial_View::rewards( array(), false );
	}

	/**
	 * What e-mails of the program are about, by their names there.
	 *
	 * @return array<string,string>
	 */
	public static function kinds() {
		return array(
			'expiring' => __( 'Before points of yours expire', 'perennial' ),
			'reward'   => __( 'When your points are enough for a reward', 'perennial' ),
			'tier'     => __( 'When you reach another tier, or leave one', 'perennial' ),
			'birthday' => __( 'For your birthday', 'perennial' ),
			'friend'   => __( 'When a friend has taken up your invitation', 'perennial' ),
			'welcome'  => __( 'Welcome, once, when you join', 'perennial' ),
			'points'   => __( 'When you have earned points', 'perennial' ),
		);
	}

	/**
	 * A line with a box to tick.
	 *
	 * @param string $name  Of what is chosen.
	 * @param string $label What it is called.
	 * @param bool   $on    Whether it is chosen now.
	 * @return string
	 */
	private static function tick( $name, $label, $on ) {
		return '<p><label><input type="checkbox" name="perennial_' . esc_attr( $name ) . '" value="1"' . ( $on ? ' checked' : '' ) . '> ' . esc_html( $label ) . '</label>'
			. '<input type="hidden" name="perennial_asked_' . esc_attr( $name ) . '" value="1"></p>';
	}

	/**
	 * What the customer may choose: to take part, and to be written to, of what.
	 *
	 * @return string
	 */
	public static function choices() {
		$account = Perennial_View::account();
		$choices = null !== $account && isset( $account['choices'] ) ? $account['choices'] : null;
		$names   = array(
			'member' => __( 'I take part in the points program', 'perennial' ),
			'mails'  => __( 'Write to me about my points by e-mail', 'perennial' ),
		);
		$html    = '';
		foreach ( $names as $name => $label ) {
			if ( isset( $choices[ $name ] ) ) {
				$html .= self::tick( $name, $label, (bool) $choices[ $name ] );
			}
		}
		$kinds = isset( $choices['kinds'] ) && is_array( $choices['kinds'] ) ? array_intersect_key( self::kinds(), $choices['kinds'] ) : array();
		if ( $kinds ) {
			$html .= '<fieldset class="perennial-kinds"><legend>' . esc_html__( 'Which e-mails', 'perennial' ) . '</legend>';
			foreach ( $kinds as $kind => $label ) {
				$html .= self::tick( 'mails_' . $kind, $label, (bool) $choices['kinds'][ $kind ] );
			}
			$html .= '</fieldset>';
		}
		if ( '' === $html ) {
			return '';
		}
		return Perennial_View::piece(
			'choices',
			__( 'What you choose', 'perennial' ),
			Perennial_View::outcome( Perennial_Forms::outcome( 'choose' ) ) . '<form method="post" action="#perennial">' . Perennial_Forms::fields( 'choose' ) . $html
			. '<p><button type="submit" class="' . esc_attr( Perennial_View::button_class() ) . '">' . esc_html__( 'Save', 'perennial' ) . '</button></p></form>'
		);
	}

	/**
	 * What the law gives them: both requests go the way that WordPress has for them, confirmed by e-mail.
	 *
	 * @return string
	 */
	public static function rights() {
		if ( null === Perennial_Connection::get() || '' === Perennial_Client::customer() ) {
			return '';
		}
		$html = Perennial_View::outcome( Perennial_Forms::outcome( 'data' ) )
			. '<p>' . esc_html__( 'You can ask this shop for everything that it keeps of you, and have it erased. You are sent an e-mail first, to make sure that it was you.', 'perennial' ) . '</p>';
		foreach ( array( 'export_personal_data' => __( 'Send me my data', 'perennial' ), 'remove_personal_data' => __( 'Erase my data', 'perennial' ) ) as $what => $label ) { // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing.AssociativeArrayFound -- short.
			$html .= '<form method="post" action="#perennial">' . Perennial_Forms::fields( 'data' ) . '<input type="hidden" name="perennial_right" value="' . esc_attr( $what ) . '">'
				. '<p><button type="submit" class="' . esc_attr( Perennial_View::button_class() ) . '">' . esc_html( $label ) . '</button></p></form>';
		}
		$policy = function_exists( 'get_privacy_policy_url' ) ? get_privacy_policy_url() : '';
		if ( $policy ) {
			$html .= '<p><a href="' . esc_url( $policy ) . '">' . esc_html__( 'How this shop keeps what it knows', 'perennial' ) . '</a></p>';
		}
		return Perennial_View::piece( 'rights', __( 'Your data', 'perennial' ), $html );
	}

	/**
	 * Hand a request on to WordPress: for whoever is logged in, by their own address.
	 *
	 * @param string $what export_personal_data or remove_personal_data.
	 * @return true|WP_Error
	 */
	public static function ask( $what ) {
		$user = wp_get_current_user();
		if ( ! $user->exists() || ! in_array( $what, array( 'export_personal_data', 'remove_personal_data' ), true ) ) {
			return new WP_Error( 'not-logged-in', '' );
		}
		$request = wp_create_user_request( $user->user_email, $what );
		if ( is_wp_error( $request ) ) {
			return $request;
		}
		$sent = wp_send_user_request( $request );
		return is_wp_error( $sent ) ? $sent : true;
	}
}
