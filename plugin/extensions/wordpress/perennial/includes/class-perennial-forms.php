<?php
/**
 * The forms of the shop's pages: redeem points, scratch a card, take an invitation up, choose, ask for one's data. They
 * work without any script.
 *
 * @package Perennial
 */

defined( 'ABSPATH' ) || exit;

/**
 * A form is posted to the page on which it stands; what came of it waits in the shopper's session, and the page is
 * shown again.
 */
final class Perennial_Forms {

	const FIELD   = 'perennial_do';
	const NONCE   = 'perennial_nonce';
	const PIECE   = 'fragment';
	const OUTCOME = 'perennial_outcome';
	const KINDS   = array( 'redeem', 'cart', 'claim', 'choose', 'deed', 'birthday', 'scratch', 'data' );

	/**
	 * Hear of forms.
	 */
	public static function listen() {
		add_action( 'template_redirect', array( __CLASS__, 'take' ), 8 );
	}

	/**
	 * Carry out a form of ours, if one was posted.
	 */
	public static function take() {
		$what = self::posted( self::FIELD );
		if ( ! in_array( $what, self::KINDS, true ) ) {
			return;
		}
		if ( ! wp_verify_nonce( self::posted( self::NONCE ), self::act( $what ) ) ) {
			self::back( $what, false, __( 'This page has been open for a long time. Nothing was done; please press the button again.', 'perennial' ) );
		}
		$answer = self::carry_out( $what );
		Perennial_Client::forget();
		if ( is_wp_error( $answer ) ) {
			self::back( $what, false, self::say( $answer ) );
		}
		self::done( $what, $answer );
	}

	/**
	 * Do what a form asks for.
	 *
	 * @param string $what One of the kinds.
	 * @return array<string,mixed>|true|WP_Error
	 */
	private static function carry_out( $what ) {
		switch ( $what ) {
			case 'redeem':
				return self::redeem( self::posted( 'perennial_reward' ), self::posted( 'perennial_steps' ), self::posted( 'perennial_ticket' ) );
			case 'cart':
				// A rung names a reward, how many of it, and the ticket of the click.
				$rung = explode( '|', self::posted( 'perennial_rung' ), 3 );
				return 3 === count( $rung ) ? self::redeem( $rung[0], $rung[1], $rung[2] ) : new WP_Error( 'nothing-chosen', '' );
			case 'choose':
				return self::choose();
			case 'deed':
			case 'birthday':
				return self::tell( $what );
			case 'scratch':
				return self::scratch();
			case 'data':
				return Perennial_Account::ask( self::posted( 'perennial_right' ) );
			default:
				return self::claim();
		}
	}

	/**
	 * Say what came of a form that was carried out. What was bought applies itself to the cart.
	 *
	 * @param string                   $what   One of the kinds.
	 * @param array<string,mixed>|true $answer What was answered.
	 */
	private static function done( $what, $answer ) {
		if ( in_array( $what, array( 'choose', 'birthday' ), true ) ) {
			self::back( $what, true, __( 'Saved.', 'perennial' ) );
		}
		if ( 'deed' === $what ) {
			self::back( $what, true, __( 'Thank you. The points are booked.', 'perennial' ) );
		}
		if ( 'scratch' === $what ) {
			self::back( $what, true, Perennial_Contests::shown( $answer ) );
		}
		if ( 'data' === $what ) {
			self::back( $what, true, __( 'Please look into your e-mails: a link there confirms that it was you.', 'perennial' ) );
		}
		$part   = 'claim' === $what ? 'offer' : 'bought';
		$bought = isset( $answer[ $part ] ) && is_array( $answer[ $part ] ) ? $answer[ $part ] : array();
		$code   = isset( $bought['code'] ) && is_string( $bought['code'] ) ? $bought['code'] : '';
		if ( ! empty( $bought['says'] ) ) {
			self::back( $what, true, Perennial_Words::digits( $bought['says'] ) );
		}
		if ( '' === $code ) {
			self::back( $what, true, __( 'It is yours: the shop hands it over to you.', 'perennial' ) );
		}
		Perennial_Coupon::wait( $code );
		// Our script waits by itself, and shows so meanwhile.
		if ( 'claim' !== $what && '' === self::posted( self::PIECE ) && Perennial_Coupon::at_once( $code ) ) {
			self::back( $what, true, __( 'The discount is in your cart. Its code:', 'perennial' ), $code );
		}
		self::back( $what, true, __( 'This is your code. It applies itself to your cart; the shop may take a minute to know it.', 'perennial' ), $code );
	}

	/**
	 * What came of the last form of that kind; it is said once.
	 *
	 * @param string $what One of the kinds.
	 * @return array{what:string,good:bool,text:string,code:string}|null
	 */
	public static function outcome( $what ) {
		$session = Perennial_Coupon::session();
		$found   = null === $session ? null : $session->get( self::OUTCOME );
		if ( ! is_array( $found ) || ! isset( $found['what'], $found['good'], $found['text'], $found['code'] ) || $what !== $found['what'] ) {
			return null;
		}
		$session->set( self::OUTCOME, null );
		return $found;
	}

	/**
	 * The fields that every form of ours has: what it is for, and the page to come back to. What our script asked there,
	 * or a link brought along, is no part of that page's address.
	 *
	 * @param string $what One of the kinds.
	 * @return string
	 */
	public static function fields( $what ) {
		return '<input type="hidden" name="' . esc_attr( self::FIELD ) . '" value="' . esc_attr( $what ) . '">'
			. '<input type="hidden" name="' . esc_attr( self::NONCE ) . '" value="' . esc_attr( wp_create_nonce( self::act( $what ) ) ) . '">'
			. '<input type="hidden" name="_wp_http_referer" value="' . esc_url( remove_query_arg( array( Perennial_Cart::QUERY, Perennial_Coupon::QUERY ) ) ) . '">';
	}

	/**
	 * Buy a reward for whoever is logged in. Its ticket names the click, so a form that is sent twice buys once.
	 *
	 * @param string $reward Its key.
	 * @param string $steps  How many of it.
	 * @param string $ticket Of the click.
	 * @return array<string,mixed>|WP_Error
	 */
	private static function redeem( $reward, $steps, $ticket ) {
		return Perennial_Client::ask(
			'redeem',
			array(
				'customer'    => Perennial_Client::customer(),
				'reward'      => $reward,
				'steps'       => $steps,
				'request_key' => $ticket,
				'language'    => Perennial_Client::language(),
			),
			10
		);
	}

	/**
	 * Keep what the customer chose, of what the form asked.
	 *
	 * @return array<string,mixed>|WP_Error
	 */
	private static function choose() {
		$said = array( 'customer' => Perennial_Client::customer() );
		$kinds = preg_filter( '/^/', 'mails_', array_keys( Perennial_Account::kinds() ) );
		foreach ( array_merge( array( 'member', 'mails' ), $kinds ) as $name ) {
			if ( '1' === self::posted( 'perennial_asked_' . $name ) ) {
				$said[ $name ] = '1' === self::posted( 'perennial_' . $name ) ? 1 : 0;
			}
		}
		return Perennial_Client::ask( 'choose', $said, 10 );
	}

	/**
	 * What a customer says of themselves: a deed that they did, or the day of their birthday. The ticket names the click.
	 *
	 * @param string $what deed or birthday.
	 * @return array<string,mixed>|WP_Error
	 */
	private static function tell( $what ) {
		$said = array(
			'customer'    => Perennial_Client::customer(),
			'request_key' => self::posted( 'perennial_ticket' ),
		);
		if ( 'deed' === $what ) {
			return Perennial_Client::ask( 'deed', $said + array( 'action' => self::posted( 'perennial_action' ) ), 10 );
		}
		$day = array(
			'month' => self::posted( 'perennial_month' ),
			'day'   => self::posted( 'perennial_day' ),
		);
		return Perennial_Client::ask( 'birthday', $said + $day, 10 );
	}

	/**
	 * Scratch a card of a contest. Sent twice, it shows the same.
	 *
	 * @return array<string,mixed>|WP_Error
	 */
	private static function scratch() {
		return Perennial_Client::ask(
			'scratch',
			array(
				'customer'    => Perennial_Client::customer(),
				'contest'     => self::posted( 'perennial_contest' ),
				'number'      => self::posted( 'perennial_number' ),
				'request_key' => self::posted( 'perennial_ticket' ),
				'language'    => Perennial_Client::language(),
			),
			10
		);
	}

	/**
	 * Take up the invitation by which this visitor came.
	 *
	 * @return array<string,mixed>|WP_Error
	 */
	private static function claim() {
		return Perennial_Client::ask(
			'claim',
			array(
				'customer' => Perennial_Client::customer(),
				'ref'      => Perennial_Referral::code(),
				'email'    => sanitize_email( self::posted( 'perennial_email' ) ),
				'via'      => self::posted( 'perennial_via' ),
				'site'     => self::posted( 'perennial_site' ),
				'language' => Perennial_Client::language(),
			) + Perennial_Visitor::shown(),
			10
		);
	}

	/**
	 * A refusal in the shop's language, where it is one that we know; else as Perennial said it.
	 *
	 * @param WP_Error $refusal Of the client.
	 * @return string
	 */
	private static function say( $refusal ) {
		$known = array(
			'not-enough-points' => __( 'You do not have enough points for this yet.', 'perennial' ),
			'reward-unknown'    => __( 'This reward is not offered any more.', 'perennial' ),
			'reward-limit'      => __( 'You have had this reward as often as one customer may.', 'perennial' ),
			'form-too-old'      => __( 'This page has been open for a long time. Nothing was done; please press the button again.', 'perennial' ),
			'bought-meanwhile'  => __( 'You have bought something else since this page was shown, and it is yours. Look at what you have, and press again if you want this too.', 'perennial' ),
			'not-logged-in'     => __( 'Please log in first. Nothing was done.', 'perennial' ),
			'not-taken'         => __( 'This invitation cannot be taken up with this address. It may not be known here, have ended or been taken up already, or be for people who are new to the shop.', 'perennial' ),
			'too-many-tries'    => __( 'That was tried very often from here. Please wait an hour, and try again.', 'perennial' ),
			'own-code'          => __( 'This is your own invitation: share it with a friend instead.', 'perennial' ),
			'earned-already'    => __( 'You have had the points for this.', 'perennial' ),
			'not-a-birthday'    => __( 'Please choose the month and the day.', 'perennial' ),
			'no-such-ticket'    => __( 'This card is not yours, or the contest is over.', 'perennial' ),
			'nothing-chosen'    => __( 'Please choose one of the rewards first.', 'perennial' ),
			'wrong-steps'       => __( 'That many of it cannot be had. Please choose again.', 'perennial' ),
			'reward-sold-out'   => __( 'This reward is gone: others were faster. Your points are untouched.', 'perennial' ),
			'duplicate_request' => __( 'You have asked for this already: please look into your e-mails.', 'perennial' ),
			'not-an-address'    => __( 'That does not look like an e-mail address. Please check it.', 'perennial' ),
		);
		$code  = (string) $refusal->get_error_code();
		return isset( $known[ $code ] ) ? $known[ $code ] : $refusal->get_error_message();
	}

	/**
	 * Show the page again, with what came of the form.
	 *
	 * @param string $what One of the kinds.
	 * @param bool   $good Whether it was done.
	 * @param string $text What to say.
	 * @param string $code The code that was bought.
	 */
	private static function back( $what, $good, $text, $code = '' ) {
		$session = Perennial_Coupon::session();
		if ( null !== $session ) {
			if ( ! $session->has_session() ) {
				$session->set_customer_session_cookie( true );
			}
			$session->set(
				self::OUTCOME,
				array(
					'what' => $what,
					'good' => $good,
					'text' => $text,
					'code' => $code,
				)
			);
		}
		if ( 'cart' === $what && '' !== self::posted( self::PIECE ) ) {
			Perennial_Cart::answer( $good );
		}
		// The page itself, which the form names: what the browser says of where it came from is refused there.
		$page = wp_get_raw_referer();
		wp_safe_redirect( ( $page ? $page : home_url( '/' ) ) . '#perennial', 303 );
		exit;
	}

	/**
	 * A field of the form, as text.
	 *
	 * @param string $name The field's.
	 * @return string
	 */
	private static function posted( $name ) {
		// phpcs:ignore WordPress.Security.NonceVerification.Missing -- take() verifies before anything is done.
		return isset( $_POST[ $name ] ) && is_string( $_POST[ $name ] ) ? sanitize_text_field( wp_unslash( $_POST[ $name ] ) ) : '';
	}

	/**
	 * What a nonce is for.
	 *
	 * @param string $what One of the kinds.
	 * @return string
	 */
	private static function act( $what ) {
		return 'perennial-' . $what;
	}
}
