<?php
/**
 * Where a shopper stands: what is next, the tier, and the whole ladder.
 *
 * @package Perennial
 */

defined( 'ABSPATH' ) || exit;

/**
 * Pieces made of facts that are known already; nothing here asks.
 */
final class Perennial_Standing {

	/**
	 * Whether this page says the shopper's tier already: the balance does, and the ladder.
	 *
	 * @var bool
	 */
	private static $told = false;

	/**
	 * The reward that comes next, with the way to it.
	 *
	 * @param array<string,mixed> $account The facts.
	 * @return string
	 */
	public static function next( $account ) {
		$next = isset( $account['next_reward'] ) ? $account['next_reward'] : null;
		if ( ! is_array( $next ) ) {
			return '';
		}
		/* translators: 1: points, such as "60 points"; 2: a reward. */
		$text = sprintf( __( '%1$s to go for %2$s', 'perennial' ), Perennial_Words::points( $next['missing'] ), "\u{2068}" . $next['title'] . "\u{2069}" );
		return '<p class="perennial-next">' . self::bar( (int) $next['share'], $text ) . '<span>' . esc_html( $text ) . '</span></p>';
	}

	/**
	 * Points that will end, the soonest first.
	 *
	 * @param array<string,mixed> $account The facts.
	 * @return string
	 */
	public static function expiring( $account ) {
		$html = '';
		foreach ( isset( $account['expiring'] ) && is_array( $account['expiring'] ) ? $account['expiring'] : array() as $soon ) {
			/* translators: 1: points, such as "40 points"; 2: a date. */
			$html .= '<p class="perennial-soft">' . esc_html( sprintf( __( '%1$s can be used until %2$s', 'perennial' ), Perennial_Words::points( $soon['points'] ), Perennial_Words::last_day( $soon['at'] ) ) ) . '</p>';
		}
		return $html;
	}

	/**
	 * The shopper's tier, how long it is theirs, and the way to the next.
	 *
	 * @param array<string,mixed> $account The facts.
	 * @return string
	 */
	public static function tier( $account ) {
		$tier = isset( $account['tier'] ) ? $account['tier'] : null;
		if ( self::$told || ! is_array( $tier ) ) {
			return '';
		}
		self::$told = true;
		$html = '';
		if ( '' !== $tier['name'] ) {
			/* translators: %s: the name of a tier. */
			$html .= '<p class="perennial-tier">' . sprintf( esc_html__( 'Your tier: %s', 'perennial' ), '<strong><bdi>' . esc_html( $tier['name'] ) . '</bdi></strong>' ) . '</p>';
		}
		if ( '' !== $tier['falls_at'] ) {
			$html .= '<p class="perennial-soft">' . self::until( $tier ) . '</p>';
		}
		if ( is_array( $tier['next'] ) ) {
			$html .= self::way( $tier );
		}
		return $html . self::perks( $tier['perks'] );
	}

	/**
	 * All tiers, with what each asks for and gives.
	 *
	 * @return string
	 */
	public static function tiers() {
		$account = Perennial_View::account();
		$ladder  = null !== $account && isset( $account['tiers'] ) ? $account['tiers'] : null;
		if ( ! is_array( $ladder ) ) {
			return '';
		}
		$html = '<ol class="perennial-list">';
		foreach ( $ladder['levels'] as $level ) {
			/* translators: 1: so much of what tiers count, such as "$500.00" or "3 orders"; 2: the time over which it is counted. */
			$asks  = sprintf( esc_html__( 'from %1$s %2$s', 'perennial' ), Perennial_Words::counted( $ladder['measure'], $level['asked'] ), esc_html( $ladder['span'] ) );
			$mine  = $level['mine'] ? ' <span class="perennial-mine">' . esc_html__( 'yours', 'perennial' ) . '</span>' : '';
			$html .= '<li' . ( $level['mine'] ? ' aria-current="true"' : '' ) . '><div><strong><bdi>' . esc_html( $level['name'] ) . '</bdi></strong>' . $mine
				. ' <span class="perennial-soft">' . $asks . '</span>' . self::perks( $level['perks'] ) . self::welcome( $level['points'] ) . '</div></li>';
		}
		return Perennial_View::piece( 'tiers', __( 'Tiers', 'perennial' ), self::tier( $account ) . $html . '</ol>' );
	}

	/**
	 * How long a tier is theirs.
	 *
	 * @param array<string,mixed> $tier The facts.
	 * @return string
	 */
	private static function until( $tier ) {
		$day = Perennial_Words::last_day( $tier['falls_at'] );
		if ( null === $tier['to_keep'] ) {
			/* translators: %s: a date. */
			return esc_html( sprintf( __( 'It is yours until %s.', 'perennial' ), $day ) );
		}
		/* translators: 1: a date; 2: so much of what tiers count, such as "$50.00" or "2 orders". */
		return sprintf( esc_html__( 'It is yours until %1$s; %2$s more until then keeps it.', 'perennial' ), esc_html( $day ), Perennial_Words::counted( $tier['measure'], $tier['to_keep'] ) );
	}

	/**
	 * The way to the next tier.
	 *
	 * @param array<string,mixed> $tier The facts.
	 * @return string
	 */
	private static function way( $tier ) {
		$next = $tier['next'];
		$name = '<bdi>' . esc_html( $next['name'] ) . '</bdi>';
		/* translators: 1: so much of what tiers count, such as "$50.00" or "2 orders"; 2: the name of a tier. */
		$text = sprintf( esc_html__( '%1$s more leads to %2$s', 'perennial' ), Perennial_Words::counted( $tier['measure'], $next['missing'] ), $name );
		/* translators: %s: the name of a tier. Read aloud beside a bar. */
		return '<p class="perennial-next">' . self::bar( (int) $next['share'], sprintf( __( 'On the way to %s', 'perennial' ), $next['name'] ) ) . '<span>' . $text . '</span></p>';
	}

	/**
	 * What a tier gives, beside points.
	 *
	 * @param string[] $perks In words.
	 * @return string
	 */
	private static function perks( $perks ) {
		$html = '';
		foreach ( $perks as $perk ) {
			$html .= '<li><bdi>' . esc_html( $perk ) . '</bdi></li>';
		}
		return '' === $html ? '' : '<ul class="perennial-perks">' . $html . '</ul>';
	}

	/**
	 * What is given to whoever enters a tier.
	 *
	 * @param int $points How many.
	 * @return string
	 */
	private static function welcome( $points ) {
		/* translators: %s: points, such as "200 points". */
		return $points ? '<p class="perennial-soft">' . esc_html( sprintf( __( '%s when you reach it', 'perennial' ), Perennial_Words::points( $points ) ) ) . '</p>' : '';
	}

	/**
	 * A bar; what it says stands beside it in words.
	 *
	 * @param int    $share In percent.
	 * @param string $label Read aloud.
	 * @return string
	 */
	private static function bar( $share, $label ) {
		return '<progress max="100" value="' . esc_attr( (string) $share ) . '" aria-label="' . esc_attr( $label ) . '"></progress>';
	}
}
