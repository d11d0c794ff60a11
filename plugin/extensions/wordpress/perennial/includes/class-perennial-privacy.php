<?php
/**
 * WordPress's export and erasure of personal data, as far as Perennial has any.
 *
 * @package Perennial
 */

defined( 'ABSPATH' ) || exit;

/**
 * An answer that did not come is an error for the site's owner to see, and never an empty export.
 */
final class Perennial_Privacy {

	const SECONDS = 20;

	/**
	 * Take part in both.
	 */
	public static function listen() {
		add_filter( 'wp_privacy_personal_data_exporters', array( __CLASS__, 'exporters' ) );
		add_filter( 'wp_privacy_personal_data_erasers', array( __CLASS__, 'erasers' ) );
		add_action( 'admin_init', array( __CLASS__, 'policy' ) );
	}

	/**
	 * Add ours.
	 *
	 * @param array<string,array<string,mixed>> $exporters Of other plugins.
	 * @return array<string,array<string,mixed>>
	 */
	public static function exporters( $exporters ) {
		$exporters['perennial'] = array(
			'exporter_friendly_name' => __( 'Perennial', 'perennial' ),
			'callback'               => array( __CLASS__, 'export' ),
		);
		return $exporters;
	}

	/**
	 * Add ours.
	 *
	 * @param array<string,array<string,mixed>> $erasers Of other plugins.
	 * @return array<string,array<string,mixed>>
	 */
	public static function erasers( $erasers ) {
		$erasers['perennial'] = array(
			'eraser_friendly_name' => __( 'Perennial', 'perennial' ),
			'callback'             => array( __CLASS__, 'erase' ),
		);
		return $erasers;
	}

	/**
	 * One page of what Perennial holds of a person.
	 *
	 * @param string $email Theirs.
	 * @param int    $page  From 1.
	 * @return array<string,mixed>|WP_Error
	 */
	public static function export( $email, $page = 1 ) {
		if ( null === Perennial_Connection::get() ) {
			return array(
				'data' => array(),
				'done' => true,
			);
		}
		$asked  = array(
			'email' => (string) $email,
			'page'  => (int) $page,
		);
		$answer = Perennial_Client::ask( 'export', $asked, self::SECONDS );
		if ( is_wp_error( $answer ) ) {
			return $answer;
		}
		return array(
			'data' => array_map( array( __CLASS__, 'item' ), $answer['items'] ),
			'done' => (bool) $answer['done'],
		);
	}

	/**
	 * Have a person's names and addresses erased. The shop's books keep their points, under a number.
	 *
	 * @param string $email Theirs.
	 * @return array<string,mixed>|WP_Error
	 */
	public static function erase( $email ) {
		$removed = 0;
		if ( null !== Perennial_Connection::get() ) {
			$answer = Perennial_Client::ask( 'erase', array( 'email' => (string) $email ), self::SECONDS );
			if ( is_wp_error( $answer ) ) {
				return $answer;
			}
			$removed = (int) $answer['removed'];
			Perennial_Client::forget_all();
		}
		return array(
			'items_removed'  => $removed > 0,
			'items_retained' => $removed > 0,
			'messages'       => $removed > 0 ? array( __( 'Perennial erased names and addresses. Points stay in the books without a name.', 'perennial' ) ) : array(),
			'done'           => true,
		);
	}

	/**
	 * What a site's owner may want to write into the privacy policy.
	 */
	public static function policy() {
		if ( function_exists( 'wp_add_privacy_policy_content' ) ) {
			$text = __( 'If you follow a friend\'s invitation, a cookie named perennial_ref keeps its code for 30 days, so that your friend can be thanked for your first order. A cookie named perennial_device holds a random number for 180 days; it is there for friends who follow invitations and for customers who are logged in, so that nobody invites himself. Perennial keeps points, rewards and orders of our customers for us.', 'perennial' );
			wp_add_privacy_policy_content( __( 'Perennial', 'perennial' ), '<p>' . esc_html( $text ) . '</p>' );
		}
	}

	/**
	 * An item as WordPress wants it.
	 *
	 * @param array<string,mixed> $item As Perennial said it.
	 * @return array<string,mixed>
	 */
	private static function item( $item ) {
		$groups = array(
			'profile'   => __( 'Perennial: who you are', 'perennial' ),
			'facts'     => __( 'Perennial: what the shop noted', 'perennial' ),
			'checkouts' => __( 'Perennial: checkouts that were left', 'perennial' ),
			'program'   => __( 'Perennial: your account', 'perennial' ),
			'codes'     => __( 'Perennial: your codes', 'perennial' ),
			'points'    => __( 'Perennial: your points', 'perennial' ),
		);
		$names  = array(
			'external_id'   => __( 'Number', 'perennial' ),
			'email'         => __( 'E-mail address', 'perennial' ),
			'first_name'    => __( 'First name', 'perennial' ),
			'last_name'     => __( 'Last name', 'perennial' ),
			'created_at'    => __( 'Customer since', 'perennial' ),
			'started_at'    => __( 'Started', 'perennial' ),
			'fact'          => __( 'What', 'perennial' ),
			'value'         => __( 'Value', 'perennial' ),
			'balance'       => __( 'Points', 'perennial' ),
			'points'        => __( 'Points', 'perennial' ),
			'referral_code' => __( 'Invitation code', 'perennial' ),
			'code'          => __( 'Code', 'perennial' ),
			'at'            => __( 'When', 'perennial' ),
			'sentence'      => __( 'What for', 'perennial' ),
		);
		$group  = sanitize_key( $item['group'] );
		$data   = array();
		foreach ( $item['fields'] as $field ) {
			$data[] = array(
				'name'  => isset( $names[ $field[0] ] ) ? $names[ $field[0] ] : $field[0],
				'value' => esc_html( $field[1] ),
			);
		}
		return array(
			'group_id'    => 'perennial-' . $group,
			'group_label' => isset( $groups[ $group ] ) ? $groups[ $group ] : $group,
			'item_id'     => 'perennial-' . sanitize_title( $item['id'] ),
			'data'        => $data,
		);
	}
}
