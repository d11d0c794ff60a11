<?php
/**
 * What shoppers see: the pieces of a page, in the shop's language and in its theme.
 *
 * @package Perennial
 */

defined( 'ABSPATH' ) || exit;

/**
 * From facts to HTML. Everything that is not ours is escaped where it is printed; without facts there is no HTML.
 */
final class Perennial_View {

	/**
	 * Whether this page has led to the log-in already.
	 *
	 * @var bool
	 */
	private static $asked_in = false;

	/**
	 * The points of whoever is logged in; for a guest, how points are earned and where to log in.
	 *
	 * @param array<string,mixed> $asked Of the block or the shortcode.
	 * @param string              $badge What is shown at a till, escaped already.
	 * @return string
	 */
	public static function balance( $asked = array(), $badge = '' ) {
		$account = self::account();
		if ( null === $account ) {
			return '';
		}
		$html = '';
		if ( is_array( $account['balance'] ) ) {
			$html .= self::numbers( $account['balance'] );
			$html .= Perennial_Standing::next( $account );
			foreach ( $account['pending'] as $later ) {
				/* translators: 1: points, such as "40 points"; 2: a date. */
				$html .= '<p class="perennial-soft">' . esc_html( sprintf( __( '%1$s can be spent from %2$s', 'perennial' ), Perennial_Words::points( $later['points'] ), Perennial_Words::day( $later['at'] ) ) ) . '</p>';
			}
			$html .= Perennial_Standing::expiring( $account ) . Perennial_Standing::tier( $account );
		} elseif ( $account['logged_in'] ) {
			$html .= '<p>' . esc_html__( 'Your points start with your first order.', 'perennial' ) . '</p>';
		}
		$html .= $badge . self::earning( $account['earning'] );
		if ( ! $account['logged_in'] ) {
			$html .= self::log_in();
		}
		$said = isset( $account['look'] ) ? $account['look'] : array();
		if ( ! empty( $said['intro'] ) ) {
			$html = '<p>' . esc_html( $said['intro'] ) . '</p>' . $html;
		}
		return self::piece( 'balance', empty( $said['headline'] ) ? __( 'Your points', 'perennial' ) : $said['headline'], $html );
	}

	/**
	 * What points buy, each with its button, and the codes that were bought.
	 *
	 * @param array<string,mixed> $asked Of the block or the shortcode.
	 * @param bool                $codes Whether the codes stand here.
	 * @return string
	 */
	public static function rewards( $asked = array(), $codes = true ) {
		$account = self::account();
		if ( null === $account || ( ! $account['rewards'] && ( ! $codes || ! $account['codes'] ) ) ) {
			return '';
		}
		$html = self::outcome( Perennial_Forms::outcome( 'redeem' ) );
		if ( $account['rewards'] ) {
			$html .= '<ul class="perennial-list">';
			foreach ( $account['rewards'] as $reward ) {
				$html .= '<li><div><strong><bdi>' . esc_html( $reward['title'] ) . '</bdi></strong> <span>' . esc_html( Perennial_Words::points( $reward['points'] ) ) . '</span>'
					. Perennial_Words::minimum( $reward['minimum'] ) . '</div>' . self::button( $reward, $account ) . '</li>';
			}
			$html .= '</ul>';
		}
		if ( $codes ) {
			$html .= Perennial_Codes::usable( $account['codes'] );
		}
		if ( ! $account['logged_in'] ) {
			$html .= self::log_in();
		}
		return self::piece( 'rewards', __( 'What points buy', 'perennial' ), $html );
	}

	/**
	 * For a customer their link to pass on; for a friend who came by one, what they are offered.
	 *
	 * @return string
	 */
	public static function referral() {
		$account = self::account();
		if ( null === $account ) {
			return '';
		}
		$told = $account['referral'];
		$own  = '' !== $told['code'] && Perennial_Referral::code() === $told['code'];
		if ( is_array( $account['invitation'] ) && ! $own ) {
			$found = Perennial_Forms::outcome( 'claim' );
			$form  = null === $found || ! $found['good'] ? self::claim( $told ) : '';
			return self::piece( 'referral', __( 'A friend invites you', 'perennial' ), self::outcome( $found ) . $form );
		}
		return self::invite( $account );
	}

	/**
	 * What a customer passes on, what it brings, and whom they have invited.
	 *
	 * @param array<string,mixed> $account The facts.
	 * @param bool                $friends Whether the friends stand here.
	 * @return string
	 */
	private static function invite( $account, $friends = true ) {
		$told = $account['referral'];
		/* translators: %s: an amount of money. */
		$amount = is_array( $told['friend_gets'] ) ? sprintf( esc_html__( 'Your friend gets %s off a first order.', 'perennial' ), Perennial_Words::money( $told['friend_gets'] ) ) . Perennial_Words::minimum( $told['minimum'] ) : '';
		$html   = '<p>' . ( '' === $amount ? '<bdi>' . esc_html( Perennial_Words::digits( $told['friend_says'] ) ) . '</bdi>' : $amount ) . '</p>';
		if ( $told['points'] ) {
			/* translators: %s: points, such as "200 points". */
			$html .= '<p>' . esc_html( sprintf( __( 'You get %s when they have ordered.', 'perennial' ), Perennial_Words::points( $told['points'] ) ) ) . '</p>';
		}
		if ( '' !== $told['code'] ) {
			$html .= '<p><label class="perennial-field">' . esc_html__( 'Your link, to copy and pass on', 'perennial' )
				. ' <input type="text" readonly dir="ltr" value="' . esc_attr( Perennial_Referral::link( $told['code'] ) ) . '"></label></p>';
			$html .= self::ways();
			if ( $told['friends'] ) {
				/* translators: %s: a number. */
				$html .= '<p class="perennial-soft">' . esc_html( sprintf( __( 'Friends that you have brought: %s', 'perennial' ), Perennial_Words::number( $told['friends'] ) ) ) . '</p>';
			}
			$html .= $friends && isset( $told['invited'] ) ? Perennial_Friends::invited( $told['invited'] ) : '';
		} elseif ( ! $account['logged_in'] ) {
			$html .= self::log_in();
		}
		return self::piece( 'referral', __( 'Bring a friend', 'perennial' ), $html );
	}

	/**
	 * For a customer who has just ordered: the invitation, where the merchant wants it shown there.
	 *
	 * @return string
	 */
	public static function thanks() {
		$account = self::account();
		$asked   = null !== $account && ! empty( $account['referral']['ask_after_order'] ) && $account['logged_in'];
		return $asked ? self::invite( $account, false ) : '';
	}

	/**
	 * The ways to pass an invitation on, each a plain link to this store, which counts it and leads on.
	 *
	 * @return string
	 */
	private static function ways() {
		$names = array(
			'whatsapp' => 'WhatsApp',
			'telegram' => 'Telegram',
			'email'    => __( 'E-mail', 'perennial' ),
			'sms'      => 'SMS',
			'x'        => 'X',
			'facebook' => 'Facebook',
		);
		$html  = '';
		foreach ( Perennial_Sharing::ways() as $way => $address ) {
			$html .= '<li><a href="' . esc_url( $address ) . '" rel="nofollow noopener" target="_blank">' . esc_html( $names[ $way ] ) . '</a></li>';
		}
		return '<ul class="perennial-ways">' . $html . '</ul>';
	}

	/**
	 * The facts, if they are whole. A page that shows somebody's own is not kept by caches.
	 *
	 * @return array<string,mixed>|null
	 */
	public static function account() {
		$found = Perennial_Client::account();
		foreach ( array( 'earning', 'rewards', 'codes', 'referral', 'pending' ) as $part ) {
			if ( null === $found || ! isset( $found[ $part ] ) || ! is_array( $found[ $part ] ) ) {
				return null;
			}
		}
		Perennial_Look::wear( $found );
		if ( ( $found['logged_in'] || '' !== Perennial_Referral::code() ) && ! defined( 'DONOTCACHEPAGE' ) ) {
			define( 'DONOTCACHEPAGE', true );
		}
		return $found;
	}

	/**
	 * A piece with its heading; nothing for nothing.
	 *
	 * @param string $name  Which one.
	 * @param string $title Its heading.
	 * @param string $html  Escaped already.
	 * @return string
	 */
	public static function piece( $name, $title, $html ) {
		wp_enqueue_style( 'perennial' );
		$labelled = wp_unique_id( 'perennial-' );
		return '<section class="perennial perennial-' . esc_attr( $name ) . '" data-perennial-' . esc_attr( $name ) . ' aria-labelledby="' . esc_attr( $labelled ) . '">'
			. '<h2 id="' . esc_attr( $labelled ) . '">' . esc_html( $title ) . '</h2>' . $html . '</section>';
	}

	/**
	 * The balance as a list of terms, each with its number.
	 *
	 * @param array<string,int> $balance The numbers.
	 * @return string
	 */
	private static function numbers( $balance ) {
		$names = array(
			'spendable' => __( 'To spend', 'perennial' ),
			'pending'   => __( 'Pending', 'perennial' ),
			'held'      => __( 'Held for codes', 'perennial' ),
			'debt'      => __( 'To be earned back', 'perennial' ),
		);
		$html  = '<dl class="perennial-numbers">';
		foreach ( $names as $name => $title ) {
			if ( 'spendable' === $name || ! empty( $balance[ $name ] ) ) {
				$html .= '<div><dt>' . esc_html( $title ) . '</dt><dd>' . esc_html( Perennial_Words::number( $balance[ $name ] ) ) . '</dd></div>';
			}
		}
		return $html . '</dl>';
	}

	/**
	 * How points are earned.
	 *
	 * @param array<string,mixed> $earning Of the program.
	 * @return string
	 */
	private static function earning( $earning ) {
		if ( ! empty( $earning['asleep'] ) ) {
			return '<p>' . esc_html__( 'The program of this shop begins soon. Until then, orders bring no points.', 'perennial' ) . '</p>';
		}
		/* translators: 1: points, such as "1 point"; 2: an amount of money. */
		$html = '<p>' . sprintf( esc_html__( 'You earn %1$s for each %2$s of goods that you buy and keep.', 'perennial' ), esc_html( Perennial_Words::points( $earning['points'] ) ), Perennial_Words::money( $earning['per'] ) );
		if ( $earning['hold_days'] ) {
			/* translators: %s: a number of days. */
			$html .= ' ' . esc_html( sprintf( __( 'They can be spent when the order is %s days old.', 'perennial' ), Perennial_Words::number( $earning['hold_days'] ) ) );
		}
		return $html . '</p>';
	}

	/**
	 * What stands beside a reward: its button, or why there is none.
	 *
	 * @param array<string,mixed> $reward  One reward.
	 * @param array<string,mixed> $account The account.
	 * @return string
	 */
	private static function button( $reward, $account ) {
		if ( ! empty( $reward['closed'] ) ) {
			return '<span class="perennial-soft">' . esc_html( $reward['closed'] ) . '</span>';
		}
		if ( $reward['sold_out'] ) {
			return '<span class="perennial-soft">' . esc_html__( 'You have had it', 'perennial' ) . '</span>';
		}
		if ( '' !== $reward['request_key'] ) {
			return '<form method="post" action="#perennial">' . Perennial_Forms::fields( 'redeem' )
				. '<input type="hidden" name="perennial_reward" value="' . esc_attr( $reward['key'] ) . '">'
				. '<input type="hidden" name="perennial_ticket" value="' . esc_attr( $reward['request_key'] ) . '">' . self::steps( $reward )
				/* translators: %s: a reward. Read aloud in place of the button's words. */
				. '<button type="submit" class="' . esc_attr( self::button_class() ) . '" aria-label="' . esc_attr( sprintf( __( 'Redeem %s', 'perennial' ), $reward['title'] ) ) . '">' . esc_html__( 'Redeem', 'perennial' ) . '</button></form>';
		}
		if ( $account['logged_in'] ) {
			/* translators: %s: points, such as "60 points". */
			return '<span class="perennial-soft">' . esc_html( sprintf( __( '%s to go', 'perennial' ), Perennial_Words::points( $reward['missing'] ) ) ) . '</span>';
		}
		return '';
	}

	/**
	 * How much of a reward, where it is bought in steps.
	 *
	 * @param array<string,mixed> $reward One reward.
	 * @return string
	 */
	private static function steps( $reward ) {
		if ( empty( $reward['steps'] ) || count( $reward['steps'] ) < 2 ) {
			return '';
		}
		$html = '';
		foreach ( $reward['steps'] as $step ) {
			$worth = html_entity_decode( wp_strip_all_tags( Perennial_Words::money( $step['worth'] ) ), ENT_QUOTES, 'UTF-8' );
			$html .= '<option value="' . esc_attr( (string) $step['steps'] ) . '">' . esc_html( "\u{2068}" . $worth . "\u{2069} – " . Perennial_Words::points( (int) $step['points'] ) ) . '</option>';
		}
		return '<label><span class="perennial-unseen">' . esc_html__( 'How much of it', 'perennial' ) . '</span> <select name="perennial_steps">' . $html . '</select></label> ';
	}

	/**
	 * The form by which a friend takes an invitation up.
	 *
	 * @param array<string,mixed> $told What the program gives friends.
	 * @return string
	 */
	private static function claim( $told ) {
		$hidden = '<input type="hidden" name="perennial_via" value="' . esc_attr( Perennial_Referral::via() ) . '">'
			. '<input type="hidden" name="perennial_site" value="' . esc_attr( Perennial_Visitor::site() ) . '">';
		/* translators: %s: an amount of money. */
		$offer  = is_array( $told['friend_gets'] ) ? sprintf( esc_html__( '%s off your first order', 'perennial' ), Perennial_Words::money( $told['friend_gets'] ) ) : '<bdi>' . esc_html( Perennial_Words::digits( $told['friend_title'] ) ) . '</bdi>';
		$button = empty( $told['take'] ) ? __( 'Get my code', 'perennial' ) : $told['take'];
		return '<p class="perennial-offer">' . $offer . Perennial_Words::minimum( $told['minimum'] ) . '</p>'
			. '<form method="post" action="#perennial">' . Perennial_Forms::fields( 'claim' ) . $hidden
			. '<p><label class="perennial-field">' . esc_html__( 'Your e-mail address', 'perennial' )
			. ' <input type="email" name="perennial_email" required maxlength="254" autocomplete="email" dir="ltr"></label></p>'
			. '<p><button type="submit" class="' . esc_attr( self::button_class() ) . '">' . esc_html( $button ) . '</button></p>'
			. '<p class="perennial-soft">' . esc_html__( 'One code for each person. Your address, connection and browser are used to check that; only digests of them are kept, which nobody can read.', 'perennial' ) . '</p></form>';
	}

	/**
	 * What came of the last form.
	 *
	 * @param array<string,mixed>|null $found Of the forms.
	 * @return string
	 */
	public static function outcome( $found ) {
		if ( null === $found ) {
			return '';
		}
		$code = '' === $found['code'] ? '' : ' <code dir="ltr">' . esc_html( $found['code'] ) . '</code>';
		return '<p id="perennial" class="perennial-said" role="' . ( $found['good'] ? 'status' : 'alert' ) . '">' . esc_html( $found['text'] ) . $code . '</p>';
	}

	/**
	 * A link to where the shop's customers log in: once on a page, whichever piece comes first.
	 *
	 * @return string
	 */
	public static function log_in() {
		if ( self::$asked_in ) {
			return '';
		}
		self::$asked_in = true;
		$page = function_exists( 'wc_get_page_permalink' ) ? wc_get_page_permalink( 'myaccount' ) : wp_login_url();
		return '<p><a class="' . esc_attr( self::button_class() ) . '" href="' . esc_url( $page ) . '">' . esc_html__( 'Log in to see your points', 'perennial' ) . '</a></p>';
	}

	/**
	 * Where shopping begins.
	 *
	 * @return string
	 */
	public static function shop() {
		$page = function_exists( 'wc_get_page_permalink' ) ? wc_get_page_permalink( 'shop' ) : '';
		return $page ? $page : home_url( '/' );
	}

	/**
	 * The classes by which the theme knows a button.
	 *
	 * @return string
	 */
	public static function button_class() {
		$theme = function_exists( 'wc_wp_theme_get_element_class_name' ) ? (string) wc_wp_theme_get_element_class_name( 'button' ) : 'wp-element-button';
		return trim( 'button perennial-button ' . $theme );
	}
}
