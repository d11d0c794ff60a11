<?php
/**
 * Numbers, points, money and days as the site writes them.
 *
 * @package Perennial
 */

defined( 'ABSPATH' ) || exit;

/**
 * Where the site is Persian, digits are Persian and days are those of the Persian calendar. Everything else is the
 * site's and the shop's own way.
 */
final class Perennial_Words {

	const PERSIAN = 'fa_IR';
	const DIGITS  = array( '۰', '۱', '۲', '۳', '۴', '۵', '۶', '۷', '۸', '۹' );
	const MONTHS  = array( 'فروردین', 'اردیبهشت', 'خرداد', 'تیر', 'مرداد', 'شهریور', 'مهر', 'آبان', 'آذر', 'دی', 'بهمن', 'اسفند' );

	/**
	 * What the shop calls points: one of them, and many; empty where they are called points.
	 *
	 * @var string[]
	 */
	private static $names = array( '', '' );

	/**
	 * A whole number.
	 *
	 * @param int $number Which.
	 * @return string
	 */
	public static function number( $number ) {
		return self::digits( number_format_i18n( $number ) );
	}

	/**
	 * A number with its sign, for what came and what went. The mark keeps the sign on its side in a Persian sentence.
	 *
	 * @param int $number Which.
	 * @return string
	 */
	public static function signed( $number ) {
		return "\u{200E}" . ( $number < 0 ? "\u{2212}" : '+' ) . self::number( abs( $number ) );
	}

	/**
	 * Call points as the shop does.
	 *
	 * @param array<string,mixed> $look How the merchant wants it.
	 */
	public static function name( $look ) {
		if ( isset( $look['point'], $look['points'] ) && is_string( $look['point'] ) && is_string( $look['points'] ) ) {
			self::$names = array( $look['point'], $look['points'] );
		}
	}

	/**
	 * Points, counted.
	 *
	 * @param int $count How many.
	 * @return string
	 */
	public static function points( $count ) {
		if ( '' !== self::$names[0] && '' !== self::$names[1] ) {
			return self::number( $count ) . ' ' . self::named( $count );
		}
		/* translators: %s: a number of points. */
		return sprintf( _n( '%s point', '%s points', $count, 'perennial' ), self::number( $count ) );
	}

	/**
	 * What the shop calls so many points, as Perennial's own pages say it: Persian counts with the singular, Arabic from
	 * eleven on too, and Romanian puts a word between from twenty on.
	 *
	 * @param int $count How many.
	 * @return string
	 */
	private static function named( $count ) {
		$rest = $count % 100;
		switch ( substr( get_locale(), 0, 2 ) ) {
			case 'fa':
				return self::$names[0];
			case 'ar':
				return self::$names[ 1 === $count || $rest > 10 || ( $count > 99 && $rest < 3 ) ? 0 : 1 ];
			case 'ro':
				return ( 0 !== $count && ( 0 === $rest || $rest > 19 ) ? 'de ' : '' ) . self::$names[ 1 === $count ? 0 : 1 ];
		}
		return self::$names[ 1 === $count ? 0 : 1 ];
	}

	/**
	 * Money as the shop writes it, escaped.
	 *
	 * @param array<string,string>|null $money Amount and currency.
	 * @return string
	 */
	public static function money( $money ) {
		if ( ! is_array( $money ) ) {
			return '';
		}
		$text = function_exists( 'wc_price' )
			? wp_kses_post( wc_price( $money['amount'], array( 'currency' => $money['currency'] ) ) )
			: '<bdi>' . esc_html( $money['amount'] . ' ' . $money['currency'] ) . '</bdi>';
		return self::digits( $text );
	}

	/**
	 * The least that has to be spent, in a sentence of its own, escaped.
	 *
	 * @param array<string,string>|null $money Of a reward or an offer.
	 * @return string
	 */
	public static function minimum( $money ) {
		if ( ! is_array( $money ) ) {
			return '';
		}
		/* translators: %s: an amount of money. */
		return ' <span class="perennial-soft">' . sprintf( esc_html__( 'on an order of %s or more', 'perennial' ), self::money( $money ) ) . '</span>';
	}

	/**
	 * So much of what tiers count, escaped.
	 *
	 * @param string                   $measure What is counted: spend, points, orders or referrals.
	 * @param array<string,string>|int $value   How much of it.
	 * @return string
	 */
	public static function counted( $measure, $value ) {
		if ( is_array( $value ) ) {
			return self::money( $value );
		}
		if ( 'orders' === $measure ) {
			/* translators: %s: a number of orders. */
			return esc_html( sprintf( _n( '%s order', '%s orders', $value, 'perennial' ), self::number( $value ) ) );
		}
		if ( 'referrals' === $measure ) {
			/* translators: %s: a number of friends who were brought. */
			return esc_html( sprintf( _n( '%s friend', '%s friends', $value, 'perennial' ), self::number( $value ) ) );
		}
		return esc_html( self::points( $value ) );
	}

	/**
	 * A day as the site writes it, in the site's own zone.
	 *
	 * @param string $instant ISO 8601.
	 * @return string
	 */
	public static function day( $instant ) {
		return self::day_of( (int) strtotime( $instant ) );
	}

	/**
	 * The last day of what ends at an instant, which is when the next day begins.
	 *
	 * @param string $instant ISO 8601.
	 * @return string
	 */
	public static function last_day( $instant ) {
		return self::day_of( (int) strtotime( $instant ) - 1 );
	}

	/**
	 * A day and the time of it, in the site's own zone.
	 *
	 * @param string $instant ISO 8601.
	 * @return string
	 */
	public static function instant( $instant ) {
		$time = self::digits( (string) wp_date( (string) get_option( 'time_format' ), (int) strtotime( $instant ) ) );
		/* translators: 1: a date; 2: a time of that day. */
		return sprintf( __( '%1$s, %2$s', 'perennial' ), self::day( $instant ), $time );
	}

	/**
	 * Digits as the site's language writes them; those of markup and of entities are left as they are.
	 *
	 * @param string $text Plain, or escaped.
	 * @return string
	 */
	public static function digits( $text ) {
		if ( self::PERSIAN !== get_locale() ) {
			return $text;
		}
		return (string) preg_replace_callback(
			'/<[^>]*>|&[^;\s]*;|[0-9]/',
			static function ( $found ) {
				return 1 === strlen( $found[0] ) ? self::DIGITS[ (int) $found[0] ] : $found[0];
			},
			$text
		);
	}

	/**
	 * Year, month and day of the Persian calendar, for every day of 1178 to 1633 there.
	 *
	 * The calendar's leap years repeat after 33 years, eight of which are leap: that is right for these centuries.
	 *
	 * @param int $year  Gregorian.
	 * @param int $month Gregorian.
	 * @param int $day   Gregorian.
	 * @return int[]
	 */
	public static function persian( $year, $month, $day ) {
		$before = array( 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 );
		$leaps  = $month > 2 ? $year + 1 : $year;
		$days   = 355666 + 365 * $year + intdiv( $leaps + 3, 4 ) - intdiv( $leaps + 99, 100 ) + intdiv( $leaps + 399, 400 ) + $day + $before[ $month - 1 ];
		$there  = -1595 + 33 * intdiv( $days, 12053 );
		$days  %= 12053;
		$there += 4 * intdiv( $days, 1461 );
		$days  %= 1461;
		if ( $days > 365 ) {
			$there += intdiv( $days - 1, 365 );
			$days   = ( $days - 1 ) % 365;
		}
		return $days < 186 ? array( $there, 1 + intdiv( $days, 31 ), 1 + $days % 31 ) : array( $there, 7 + intdiv( $days - 186, 30 ), 1 + ( $days - 186 ) % 30 );
	}

	/**
	 * The day of an instant.
	 *
	 * @param int $at Seconds since 1970.
	 * @return string
	 */
	private static function day_of( $at ) {
		if ( self::PERSIAN !== get_locale() ) {
			return (string) wp_date( (string) get_option( 'date_format' ), $at );
		}
		// In the site's zone, whatever calendar another plugin gives to wp_date().
		$there = ( new DateTimeImmutable( '@' . $at ) )->setTimezone( wp_timezone() );

		list( $year, $month, $day ) = self::persian( (int) $there->format( 'Y' ), (int) $there->format( 'n' ), (int) $there->format( 'j' ) );
		return self::digits( $day . "\u{A0}" . self::MONTHS[ $month - 1 ] . "\u{A0}" . $year );
	}
}
