<?php
/**
 * The plugin's classes, played without WordPress. Prints one JSON object: of each test its fault, or null.
 */
require __DIR__ . '/harness.php';

$tests = array(
	'a question is signed over what is sent' => static function ( $world ) {
		$world->user    = 7;
		$world->answers = array( says( account() ) );
		Perennial_Client::account();
		list( $url, $asked ) = $world->posts[0];
		same( $url, 'https://perennial.example/companion/account' );
		same( $asked['body'], '{"customer":"7","ref":"","language":"en_US","ip":"203.0.113.9","agent":"A browser","device":""}' );
		same( array( $asked['timeout'], $asked['redirection'] ), array( 2, 0 ) );
		$head  = $asked['headers'];
		$again = Perennial_Signature::sign( CONNECTION['secret'], 'POST', '/companion/account', 'shop.example', $asked['body'], (int) $head['X-Perennial-Timestamp'], $head['X-Perennial-Nonce'] );
		same( $head['X-Perennial-Signature'], $again['signature'] );
		lacks( json_encode( $asked ), CONNECTION['secret'] );
	},
	'an answer is remembered and dropped when it changed' => static function ( $world ) {
		$world->answers = array( says( account() ), says( account( array( 'known' => false ) ) ) );
		Perennial_Client::account();
		Perennial_Client::account();
		same( count( $world->posts ), 1 );
		Perennial_Client::forget();
		same( Perennial_Client::account()['known'], false );
		same( count( $world->posts ), 2 );
	},
	'one customer never sees what was remembered for another' => static function ( $world ) {
		$world->answers = array( says( account() ), says( account( array( 'known' => false ) ) ) );
		$world->user    = 7;
		Perennial_Client::account();
		$world->user = 8;
		same( Perennial_Client::account()['known'], false );
		same( json_decode( $world->posts[1][1]['body'], true )['customer'], '8' );
	},
	'codes that somebody makes up are not remembered' => static function ( $world ) {
		$_COOKIE['perennial_ref'] = 'MADEUP22';
		$world->answers           = array( says( account() ), says( account( array( 'invitation' => array( 'title' => 'x' ) ) ) ) );
		Perennial_Client::account();
		same( $world->transients, array() );
		$_COOKIE['perennial_ref'] = 'BEN23456';
		Perennial_Client::account();
		same( count( $world->transients ), 1 );
	},
	'a service that is silent is left alone, and pages show nothing of it' => static function ( $world ) {
		same( Perennial_View::balance() . Perennial_View::rewards() . Perennial_View::referral(), '' );
		// The next page of the same visitor, a moment later.
		Perennial_Client::forget();
		same( Perennial_View::balance(), '' );
		same( count( $world->posts ), 1 );
		same( $world->options['perennial_fault'], 'silent' );
	},
	'a page of a firewall, half an answer and an odd one show nothing' => static function ( $world ) {
		foreach ( array( says( '<html>busy</html>', 503 ), says( '{"logged_in":tr' ), says( '[]' ), says( array( 'rewards' => 'x' ) ) ) as $odd ) {
			$world->transients = array();
			$world->answers    = array( $odd );
			Perennial_Client::forget();
			same( Perennial_View::balance(), '' );
		}
	},
	'a fault is named and goes when the next question is answered' => static function ( $world ) {
		$world->answers = array( says( array( 'error' => array( 'code' => 'clock-off', 'message' => 'x' ) ), 401 ), says( account() ) );
		same( Perennial_View::balance(), '' );
		same( $world->options['perennial_fault'], 'clock-off' );
		$world->transients = array();
		Perennial_Client::forget();
		holds( Perennial_View::balance(), '250' );
		same( isset( $world->options['perennial_fault'] ), false );
	},
	'a store that is not paired asks nobody' => static function ( $world ) {
		$world->options = array();
		same( Perennial_View::balance(), '' );
		same( $world->posts, array() );
	},
	'pieces escape what is not ours' => static function ( $world ) {
		$world->user    = 7;
		$world->answers = array( says( account() ) );
		$html           = Perennial_View::rewards();
		lacks( $html, '<script' );
		holds( $html, 'Five &lt;script&gt;' );
		holds( $html, 'value="ticket&quot;1"' );
		holds( $html, 'perennial_coupon=P-ABC' );
	},
	'a balance says what is pending and from when' => static function ( $world ) {
		$world->answers = array( says( account() ) );
		$html           = Perennial_View::balance();
		holds( $html, '<dt>To spend</dt><dd>250</dd>' );
		holds( $html, '40 points can be spent from 2026-03-15' );
		lacks( $html, 'Held for codes' );
	},
	'a guest is led to the log-in once' => static function ( $world ) {
		$guest          = account( array( 'logged_in' => false, 'known' => false, 'balance' => null, 'codes' => array(), 'pending' => array() ) );
		$world->answers = array( says( $guest ) );
		$html           = Perennial_View::balance() . Perennial_View::referral();
		same( substr_count( $html, 'Log in to see your points' ), 1 );
	},
	'a friend is offered the code and the advocate is not' => static function ( $world ) {
		$_COOKIE['perennial_ref'] = 'ann23456';
		$invited                  = account( array( 'logged_in' => false, 'invitation' => array( 'title' => 'x' ) ) );
		$invited['referral']['code'] = '';
		$world->answers = array( says( $invited ), says( account( array( 'invitation' => array( 'title' => 'x' ) ) ) ) );
		holds( Perennial_View::referral(), 'Get my code' );
		$world->user = 7;
		holds( Perennial_View::referral(), 'https://shop.example/?ref=ANN23456' );
		same( json_decode( $world->posts[0][1]['body'], true )['ref'], 'ANN23456' );
	},
	'cookies and links hold codes and nothing else' => static function () {
		foreach ( array( 'ANN23456' => 'ANN23456', ' ann-2 ' => 'ANN-2', 'a' => '', '<script>' => '', "AB\nC" => '', str_repeat( 'A', 41 ) => '', "ANN23456\n" => 'ANN23456', '-AB' => '' ) as $given => $code ) {
			same( Perennial_Referral::clean( (string) $given ), $code );
		}
		$_COOKIE['perennial_ref'] = array( 'x' );
		same( Perennial_Referral::code(), '' );
		$_GET['ref'] = array( 'x' );
		Perennial_Referral::visit();
		same( Perennial_Referral::code(), '' );
	},
	'an order is marked once and keeps what it has' => static function () {
		$_COOKIE['perennial_ref'] = 'ANN23456';
		$order                    = new Order();
		Perennial_Referral::mark( $order );
		same( $order->meta, array( '_perennial_ref' => 'ANN23456' ) );
		same( $order->saved, 0 );
		$_COOKIE['perennial_ref'] = 'BEN23456';
		Perennial_Referral::mark_and_save( $order );
		same( $order->meta, array( '_perennial_ref' => 'ANN23456' ) );
		$fresh = new Order();
		Perennial_Referral::mark_and_save( $fresh );
		same( array( $fresh->meta, $fresh->saved ), array( array( '_perennial_ref' => 'BEN23456' ), 1 ) );
	},
	'an order of nobody invited is left alone' => static function () {
		$order = new Order();
		Perennial_Referral::mark_and_save( $order );
		same( array( $order->meta, $order->saved ), array( array(), 0 ) );
	},
	'a link to a page that no store has leads home' => static function () {
		$_GET['ref']            = 'ANN23456';
		$_SERVER['REQUEST_URI'] = '/r/ANN23456?ref=ANN23456';
		same( redirected( array( 'Perennial_Referral', 'visit' ) ), '302 https://shop.example/?ref=ANN23456' );
		$_SERVER['REQUEST_URI'] = '/elsewhere?ref=ANN23456';
		same( redirected( array( 'Perennial_Referral', 'visit' ) ), 'nowhere' );
		same( Perennial_Referral::code(), 'ANN23456' );
	},
	'a coupon waits until the store knows it and the cart fits, and is applied once' => static function ( $world ) {
		$_GET['perennial_coupon'] = 'p-abc';
		Perennial_Coupon::visit();
		same( $world->session->kept['perennial_coupons'], array( 'P-ABC' ) );
		Perennial_Coupon::apply();
		same( $world->cart->applied, array() );
		$world->coupons    = array( 'P-ABC' );
		$world->cart->fits = false;
		Perennial_Coupon::apply();
		same( $world->cart->applied, array() );
		$world->cart->fits = true;
		Perennial_Coupon::apply();
		Perennial_Coupon::apply();
		same( $world->cart->applied, array( 'p-abc' ) );
		same( $world->session->kept['perennial_coupons'], array() );
	},
	'a coupon that a shopper takes off does not come back' => static function ( $world ) {
		Perennial_Coupon::wait( 'P-ABC' );
		Perennial_Coupon::forget( 'p-abc' );
		$world->coupons = array( 'P-ABC' );
		Perennial_Coupon::apply();
		same( $world->cart->applied, array() );
	},
	'only so many coupons wait' => static function ( $world ) {
		for ( $number = 1; $number < 9; $number++ ) {
			Perennial_Coupon::wait( 'CODE-' . $number );
		}
		Perennial_Coupon::wait( '<b>' );
		same( $world->session->kept['perennial_coupons'], array( 'CODE-8', 'CODE-7', 'CODE-6', 'CODE-5', 'CODE-4' ) );
	},
	'a redemption waits as a coupon, and the page says its code once' => static function ( $world ) {
		$world->user    = 7;
		$world->answers = array( says( array( 'bought' => array( 'code' => 'P-NEW' ) ) ) );
		$_POST          = array( 'perennial_do' => 'redeem', 'perennial_nonce' => 'nonce-perennial-redeem', 'perennial_reward' => 'five-off', 'perennial_ticket' => 't1' );
		same( redirected( array( 'Perennial_Forms', 'take' ) ), '303 /points/#perennial' );
		same( json_decode( $world->posts[0][1]['body'], true ), array( 'customer' => '7', 'reward' => 'five-off', 'steps' => '', 'request_key' => 't1', 'language' => 'en_US' ) );
		same( $world->session->kept['perennial_coupons'], array( 'P-NEW' ) );
		same( Perennial_Forms::outcome( 'claim' ), null );
		same( Perennial_Forms::outcome( 'redeem' )['code'], 'P-NEW' );
		same( Perennial_Forms::outcome( 'redeem' ), null );
	},
	'a form from elsewhere does nothing' => static function ( $world ) {
		$_POST = array( 'perennial_do' => 'redeem', 'perennial_nonce' => 'forged', 'perennial_reward' => 'five-off' );
		same( redirected( array( 'Perennial_Forms', 'take' ) ), '303 /points/#perennial' );
		same( $world->posts, array() );
		same( Perennial_Forms::outcome( 'redeem' )['good'], false );
	},
	'a refusal is said in the words of the shop, and leaves the service in use' => static function ( $world ) {
		$world->answers = array( says( array( 'error' => array( 'code' => 'own-code', 'message' => 'English' ) ), 409 ) );
		$_POST          = array( 'perennial_do' => 'claim', 'perennial_nonce' => 'nonce-perennial-claim', 'perennial_email' => 'ann@example.test' );
		redirected( array( 'Perennial_Forms', 'take' ) );
		holds( Perennial_Forms::outcome( 'claim' )['text'], 'your own invitation' );
		same( isset( $world->options['perennial_fault'] ), false );
		same( get_transient( 'perennial_quiet' ), false );
	},
	'a claim tells what the visit shows, signed, and the channel and site that led to it' => static function ( $world ) {
		$_COOKIE['perennial_ref']    = 'ANN23456';
		$_COOKIE['perennial_device'] = str_repeat( '0123456789abcdef', 2 );
		$world->answers = array( says( array( 'offer' => array( 'code' => 'FRIEND-1' ) ) ) );
		$_POST          = array( 'perennial_do' => 'claim', 'perennial_nonce' => 'nonce-perennial-claim', 'perennial_email' => 'ben@example.test', 'perennial_via' => 'sms', 'perennial_site' => 'https://deals.example/' );
		redirected( array( 'Perennial_Forms', 'take' ) );
		same(
			json_decode( $world->posts[0][1]['body'], true ),
			array(
				'customer' => '',
				'ref'      => 'ANN23456',
				'email'    => 'ben@example.test',
				'via'      => 'sms',
				'site'     => 'https://deals.example/',
				'language' => 'en_US',
				'ip'       => '203.0.113.9',
				'agent'    => 'A browser',
				'device'   => str_repeat( '0123456789abcdef', 2 ),
			)
		);
	},
	'a browser is numbered when it is compared, once, and by a number alone' => static function ( $world ) {
		Perennial_Visitor::mark();
		same( Perennial_Visitor::shown()['device'], '' );
		$world->user = 7;
		Perennial_Visitor::mark();
		$first = Perennial_Visitor::shown()['device'];
		same( preg_match( '/\\A[0-9a-f]{32}\\z/', $first ), 1 );
		Perennial_Visitor::mark();
		same( Perennial_Visitor::shown()['device'], $first );
		Perennial_Visitor::forget();
		foreach ( array( '<script>', 'ABC', str_repeat( 'g', 32 ), array( 'x' ) ) as $odd ) {
			$_COOKIE['perennial_device'] = $odd;
			same( Perennial_Visitor::shown()['device'], '' );
		}
	},
	'the site that led here is named without its page, and the store itself is none' => static function () {
		foreach ( array( 'https://Deals.example/x?y=1' => 'https://deals.example/', 'https://shop.example/cart' => '', 'javascript:x' => '', '' => '' ) as $from => $site ) {
			$_SERVER['HTTP_REFERER'] = $from;
			same( Perennial_Visitor::site(), $site );
		}
	},
	'an invitation that was opened is told once, after the page, without waiting' => static function ( $world ) {
		$_GET                        = array( 'ref' => 'ann23456', 'via' => 'whatsapp' );
		$_SERVER['HTTP_SEC_PURPOSE'] = 'prefetch';
		redirected( array( 'Perennial_Referral', 'visit' ) );
		same( $world->posts, array() );
		Perennial_Referral::tell();
		Perennial_Referral::tell();
		same( count( $world->posts ), 1 );
		list( $url, $asked ) = $world->posts[0];
		same( $url, 'https://perennial.example/companion/opened' );
		same( json_decode( $asked['body'], true ), array( 'ref' => 'ANN23456', 'via' => 'whatsapp', 'agent' => 'A browser', 'purpose' => 'prefetch' ) );
		same( array( $asked['blocking'], $asked['timeout'] ), array( false, 1 ) );
	},
	'a share leads to the messenger that was pressed and nowhere else' => static function ( $world ) {
		$world->user   = 7;
		$world->locale = 'fa_IR';
		$_GET          = array( 'perennial_share' => 'whatsapp' );
		foreach ( array( 'https://wa.me/?text=x' => '302 https://wa.me/?text=x', 'https://evil.example/?https://wa.me/?' => 'nowhere', 'sms:?body=x' => 'nowhere', '' => 'nowhere' ) as $href => $leads ) {
			$world->transients = array();
			Perennial_Client::forget();
			$world->answers = array( says( account() ), says( array( 'href' => $href ) ) );
			same( redirected( array( 'Perennial_Sharing', 'lead' ) ), $leads );
		}
		$told = json_decode( $world->posts[1][1]['body'], true );
		same( array( $told['customer'], $told['channel'], $told['link'], $told['language'] ), array( '7', 'whatsapp', 'https://shop.example/?ref=ANN23456', 'fa' ) );
		$before = count( $world->posts );
		foreach ( array( 'copy', 'https://evil.example', array( 'x' ) ) as $odd ) {
			$_GET['perennial_share'] = $odd;
			same( redirected( array( 'Perennial_Sharing', 'lead' ) ), 'nowhere' );
		}
		$_GET['perennial_share'] = 'sms';
		$world->user             = 0;
		same( redirected( array( 'Perennial_Sharing', 'lead' ) ), 'nowhere' );
		same( count( $world->posts ), $before );
	},
	'who has ordered is asked to invite somebody, where the merchant wants it' => static function ( $world ) {
		$world->user = 7;
		$told        = account();
		foreach ( array( true => 'perennial_share=telegram', false => '' ) as $wanted => $part ) {
			$told['referral']['ask_after_order'] = (bool) $wanted;
			$world->transients = array();
			Perennial_Client::forget();
			$world->answers = array( says( $told ) );
			ob_start();
			Perennial_Sharing::thank();
			$html = ob_get_clean();
			'' === $part ? same( $html, '' ) : holds( $html, $part );
		}
		$world->transients = array();
		$world->user       = 0;
		$guest             = account( array( 'logged_in' => false ) );
		$guest['referral']['ask_after_order'] = true;
		$world->answers    = array( says( $guest ) );
		same( Perennial_View::thanks(), '' );
	},
	'only somebody who runs the store may pair it' => static function ( $world ) {
		same( Perennial_Rest::may(), true );
		$world->can = false;
		same( Perennial_Rest::may(), false );
	},
	'a connection is kept whole or not at all, and its secret is not shown' => static function ( $world ) {
		$world->options = array();
		$told           = Perennial_Rest::connect( new Request( CONNECTION + array( 'more' => 'x' ) ) );
		same( $world->options['perennial_connection'], CONNECTION );
		same( $told['key'], Perennial_Signature::digest( CONNECTION['secret'] ) );
		lacks( json_encode( $told ), CONNECTION['secret'] );
		foreach ( array( 'app_url' => 'http://perennial.example', 'shop' => "shop\n", 'secret' => 'short' ) as $name => $bad ) {
			same( is_wp_error( Perennial_Rest::connect( new Request( array( $name => $bad ) + CONNECTION ) ) ), true );
		}
		foreach ( array( null, 'x', array(), array( 'app_url' => array() ) + CONNECTION, array( 'app_url' => 'https://a@b.example' ) + CONNECTION, array( 'app_url' => 'javascript:x' ) + CONNECTION ) as $bad ) {
			same( is_wp_error( Perennial_Rest::connect( new Request( $bad ) ) ), true );
		}
		same( $world->options['perennial_connection'], CONNECTION );
		same( Perennial_Rest::disconnect()['key'], '' );
	},
	'where the tab of points is, is said where there are accounts' => static function ( $world ) {
		same( Perennial_Rest::health()['page'], 'https://shop.example/my-account/perennial-points/' );
		$world->account_page = -1;
		same( Perennial_Rest::health()['page'], '' );
	},
	'an export is what WordPress wants, and silence is an error' => static function ( $world ) {
		$item           = array( 'group' => 'points', 'id' => 'points-7-1', 'fields' => array( array( 'points', '-100' ), array( 'sentence', 'a <b>' ) ) );
		$world->answers = array( says( array( 'items' => array( $item ), 'done' => true ) ) );
		$told           = Perennial_Privacy::export( 'ann@example.test', 1 );
		same( $told['done'], true );
		same( $told['data'][0]['group_id'], 'perennial-points' );
		same( $told['data'][0]['data'], array( array( 'name' => 'Points', 'value' => '-100' ), array( 'name' => 'What for', 'value' => 'a &lt;b&gt;' ) ) );
		same( is_wp_error( Perennial_Privacy::export( 'ann@example.test', 1 ) ), true );
		same( is_wp_error( Perennial_Privacy::erase( 'ann@example.test' ) ), true );
	},
	'an erasure says what was removed and forgets what was remembered' => static function ( $world ) {
		$world->answers = array( says( array( 'removed' => 2, 'done' => true ) ) );
		$told           = Perennial_Privacy::erase( 'ann@example.test' );
		same( array( $told['items_removed'], $told['items_retained'], $told['done'], count( $told['messages'] ) ), array( true, true, true, 1 ) );
		same( $world->options['perennial_epoch'], 1 );
	},
	'a page ends with the counter, for shoppers of a paired store alone' => static function ( $world ) {
		$world->can = false;
		ob_start();
		Perennial_Visits::show();
		$shown = ob_get_clean();
		holds( $shown, 'src="https://perennial.example/static/count.js?ver=' . PERENNIAL_VERSION . '"' );
		holds( $shown, 'data-shop="shop.example"' );
		holds( $shown, 'data-page="cart"' );
		lacks( $shown, 'data-wait' );
		$world->can = true;
		ob_start();
		Perennial_Visits::show();
		same( ob_get_clean(), '' );
		$world->can = false;
		unset( $world->options['perennial_connection'] );
		ob_start();
		Perennial_Visits::show();
		same( ob_get_clean(), '' );
	},
);

play( $tests );
