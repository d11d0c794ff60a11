<?php
/**
 * What earns points beside buying.
 *
 * @package Perennial
 */

defined( 'ABSPATH' ) || exit;

/**
 * A list of deeds, with a button for what only the shopper can say, and a form for the day of their birthday.
 */
final class Perennial_Ways {

	/**
	 * The list; nothing where the program knows of none.
	 *
	 * @return string
	 */
	public static function ways() {
		$account = Perennial_View::account();
		$ways    = isset( $account['ways'] ) ? $account['ways'] : null;
		if ( ! is_array( $ways ) || empty( $ways['actions'] ) ) {
			return '';
		}
		$html = Perennial_View::outcome( Perennial_Forms::outcome( 'deed' ) ) . Perennial_View::outcome( Perennial_Forms::outcome( 'birthday' ) ) . '<ul class="perennial-list">';
		foreach ( $ways['actions'] as $action ) {
			$html .= '<li><div><strong><bdi>' . esc_html( $action['title'] ) . '</bdi></strong> <span>' . esc_html( Perennial_Words::points( (int) $action['points'] ) )
				. '</span> <span class="perennial-soft">' . esc_html( $action['often'] ) . '</span></div>' . self::doors( $action ) . '</li>';
		}
		$html .= '</ul>' . ( is_array( $ways['birthday'] ) ? self::birthday( $ways['birthday'] ) : '' );
		if ( ! $account['logged_in'] ) {
			$html .= Perennial_View::log_in();
		}
		return Perennial_View::piece( 'ways', __( 'More points', 'perennial' ), $html );
	}

	/**
	 * Where a deed is done, and the button that says that it was.
	 *
	 * @param array<string,mixed> $action The facts.
	 * @return string
	 */
	private static function doors( $action ) {
		$html = '';
		if ( 0 === strpos( $action['link'], 'https://' ) ) {
			/* translators: %s: what earns points, such as "Follow us". Read aloud in place of the link's words. */
			$label = sprintf( __( 'Go there, for %s; opens a new page', 'perennial' ), $action['title'] );
			$html .= '<a href="' . esc_url( $action['link'] ) . '" rel="noopener" target="_blank" aria-label="' . esc_attr( $label ) . '">' . esc_html__( 'Go there', 'perennial' ) . '</a>';
		}
		if ( '' !== $action['request_key'] ) {
			/* translators: %s: what earns points, such as "Follow us". Read aloud in place of the button's words. */
			$label = sprintf( __( 'I have done it: %s', 'perennial' ), $action['title'] );
			$html .= '<form method="post" action="#perennial">' . Perennial_Forms::fields( 'deed' ) . '<input type="hidden" name="perennial_action" value="' . esc_attr( $action['key'] ) . '">'
				. '<input type="hidden" name="perennial_ticket" value="' . esc_attr( $action['request_key'] ) . '">'
				. '<button type="submit" class="' . esc_attr( Perennial_View::button_class() ) . '" aria-label="' . esc_attr( $label ) . '">' . esc_html__( 'I have done it', 'perennial' ) . '</button></form>';
		}
		return '' === $html ? '' : '<div class="perennial-doors">' . $html . '</div>';
	}

	/**
	 * The day of a birthday, without its year. Months are those by which it is counted.
	 *
	 * @param array<string,string> $told What is known, and the ticket.
	 * @return string
	 */
	private static function birthday( $told ) {
		global $wp_locale;
		$months = '<option value="">' . esc_html__( 'Month', 'perennial' ) . '</option>';
		$days   = '<option value="">' . esc_html__( 'Day', 'perennial' ) . '</option>';
		for ( $month = 1; $month <= 12; $month++ ) {
			$value   = sprintf( '%02d', $month );
			$months .= '<option value="' . $value . '"' . ( $value === $told['month'] ? ' selected' : '' ) . '>' . esc_html( $wp_locale->get_month( $value ) ) . '</option>';
		}
		for ( $day = 1; $day <= 31; $day++ ) {
			$value = sprintf( '%02d', $day );
			$days .= '<option value="' . $value . '"' . ( $value === $told['day'] ? ' selected' : '' ) . '>' . esc_html( Perennial_Words::digits( (string) $day ) ) . '</option>';
		}
		return '<form method="post" action="#perennial">' . Perennial_Forms::fields( 'birthday' ) . '<input type="hidden" name="perennial_ticket" value="' . esc_attr( $told['request_key'] ) . '">'
			. '<fieldset class="perennial-birthday"><legend>' . esc_html__( 'Your birthday, without the year, at least a month before it', 'perennial' ) . '</legend>'
			. '<label><span class="perennial-unseen">' . esc_html__( 'Month', 'perennial' ) . '</span> <select name="perennial_month" required>' . $months . '</select></label> '
			. '<label><span class="perennial-unseen">' . esc_html__( 'Day', 'perennial' ) . '</span> <select name="perennial_day" required>' . $days . '</select></label> '
			. '<button type="submit" class="' . esc_attr( Perennial_View::button_class() ) . '">' . esc_html__( 'Keep my birthday', 'perennial' ) . '</button></fieldset></form>';
	}
}
