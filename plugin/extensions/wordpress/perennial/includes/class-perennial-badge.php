<?php
/**
 * What a shopper shows at the till: letters that are read aloud, and the same as a picture.
 *
 * @package Perennial
 */

defined( 'ABSPATH' ) || exit;

/**
 * The picture is drawn here, of black and white squares: nothing of it comes from elsewhere.
 */
final class Perennial_Badge {

	// Squares of a side, of the smallest picture to the largest that there is; and the white that readers need around it.
	const SIDES = array( 21, 177 );
	const QUIET = 4;

	/**
	 * The badge by itself, for any page.
	 *
	 * @return string
	 */
	public static function badge() {
		$html = self::folded( Perennial_View::account() );
		if ( '' === $html ) {
			return '';
		}
		wp_enqueue_style( 'perennial' );
		return '<div class="perennial">' . $html . '</div>';
	}

	/**
	 * The badge, folded away: most read their page at home.
	 *
	 * @param array<string,mixed>|null $account The facts.
	 * @return string
	 */
	public static function folded( $account ) {
		$badge = isset( $account['badge'] ) ? $account['badge'] : null;
		if ( ! is_array( $badge ) || ! isset( $badge['letters'], $badge['ends_at'] ) ) {
			return '';
		}
		/* translators: %s: a date and a time. */
		$text = sprintf( __( 'Let the staff scan this, or tell them the letters: they find you by it. It works until %s; load this page again for a new one.', 'perennial' ), Perennial_Words::instant( $badge['ends_at'] ) );
		return '<details class="perennial-badge"><summary>' . esc_html__( 'Show it at the till', 'perennial' ) . '</summary><p>' . esc_html( $text ) . '</p>'
			. self::picture( isset( $badge['picture'] ) ? $badge['picture'] : null ) . '<p><code dir="ltr">' . esc_html( $badge['letters'] ) . '</code></p></details>';
	}

	/**
	 * The picture, black on white in every theme.
	 *
	 * @param mixed $rows Of squares: 1 for a black one, 0 for a white one.
	 * @return string Nothing where this is no picture; the letters stand by themselves then.
	 */
	private static function picture( $rows ) {
		$side = is_array( $rows ) ? count( $rows ) : 0;
		if ( $side < self::SIDES[0] || $side > self::SIDES[1] ) {
			return '';
		}
		$path = '';
		foreach ( array_values( $rows ) as $down => $row ) {
			if ( ! is_string( $row ) || ! preg_match( '/\A[01]{' . $side . '}\z/', $row ) ) {
				return '';
			}
			preg_match_all( '/1+/', $row, $runs, PREG_OFFSET_CAPTURE );
			foreach ( $runs[0] as list( $run, $along ) ) {
				$path .= 'M' . ( $along + self::QUIET ) . ' ' . ( $down + self::QUIET ) . 'h' . strlen( $run ) . 'v1H' . ( $along + self::QUIET ) . 'z';
			}
		}
		$whole = $side + 2 * self::QUIET;
		return '<figure class="perennial-qr" role="img" aria-label="' . esc_attr__( 'Your code for the till, as a picture to scan', 'perennial' ) . '">'
			. '<svg viewBox="0 0 ' . $whole . ' ' . $whole . '" width="' . 4 * $whole . '" height="' . 4 * $whole . '" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h' . $whole . 'v' . $whole . 'H0z"/><path fill="#000" d="' . esc_attr( $path ) . '"/></svg></figure>';
	}
}
