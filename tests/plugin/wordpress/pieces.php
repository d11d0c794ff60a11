<?php
/**
 * The pieces of the shop's pages: what they say, whom they ask, and what forms may do. As play.php.
 */
require __DIR__ . '/harness.php';

function rich( $more = array() ) {
	$money = static function ( $amount ) {
		return array( 'amount' => $amount, 'currency' => 'USD' );
	};
	return account(
		array_merge(
			array(
				'next_reward' => array( 'title' => 'Ten <b>off</b>', 'points' => 400, 'missing' => 150, 'share' => 62 ),
				'expiring'    => array( array( 'points' => 40, 'at' => '2026-03-21T20:30:00Z' ) ),
				'tier'        => array(
					'name'     => 'Silver',
					'perks'    => array( 'Free <i>delivery</i>' ),
					'since'    => '2026-01-01T00:00:00Z',
					'falls_at' => '2027-01-31T20:30:00Z',
					'to_keep'  => $money( '60.00' ),
					'measure'  => 'spend',
					'span'     => 'in the last 12 months',
					'counted'  => $money( '290.00' ),
					'next'     => array( 'name' => 'Gold', 'missing' => $money( '610.00' ), 'asked' => $money( '900.00' ), 'share' => 32 ),
				),
				'tiers'       => array(
					'measure' => 'orders',
					'span'    => 'since the beginning',
					'levels'  => array(
						array( 'name' => 'Silver', 'asked' => 1, 'perks' => array(), 'points' => 0, 'mine' => true ),
						array( 'name' => 'Gold', 'asked' => 3, 'perks' => array( 'Cake' ), 'points' => 200, 'mine' => false ),
					),
				),
				'rewards'     => array(
					array( 'key' => 'off', 'title' => 'Money off', 'points' => 50, 'missing' => 0, 'kind' => 'amount', 'closed' => '', 'minimum' => null, 'sold_out' => false, 'request_key' => 't1', 'steps' => array( array( 'steps' => 1, 'points' => 50, 'worth' => $money( '2.50' ) ), array( 'steps' => 4, 'points' => 200, 'worth' => $money( '10.00' ) ) ) ),
					array( 'key' => 'tenth', 'title' => 'Ten <b>off</b>', 'points' => 400, 'missing' => 150, 'kind' => 'percentage', 'closed' => '', 'minimum' => $money( '20.00' ), 'sold_out' => false, 'request_key' => '', 'steps' => array( array( 'steps' => 1, 'points' => 400, 'worth' => null ) ) ),
					array( 'key' => 'cake', 'title' => 'A cake', 'points' => 10, 'missing' => 0, 'kind' => 'custom', 'closed' => '', 'minimum' => null, 'sold_out' => false, 'request_key' => 't3', 'steps' => array( array( 'steps' => 1, 'points' => 10, 'worth' => null ) ) ),
				),
				'ways'        => array(
					'actions'  => array(
						array( 'key' => 'follow', 'title' => 'Follow <us>', 'points' => 30, 'often' => 'once', 'link' => 'https://example.com/shop', 'request_key' => 't7' ),
						array( 'key' => 'review', 'title' => 'A review', 'points' => 20, 'often' => 'once a month', 'link' => 'javascript:alert(1)', 'request_key' => '' ),
					),
					'birthday' => array( 'month' => '03', 'day' => '14', 'request_key' => 't8' ),
				),
				'choices'     => array( 'member' => null, 'mails' => true, 'kinds' => array( 'reward' => true, 'points' => false, 'of a later release' => true ) ),
				'look'        => array( 'order' => array( 'history', 'balance', 'tier', 'rewards', 'codes', 'friends', 'earn' ), 'hidden' => array( 'friends' ), 'off' => array(), 'headline' => '', 'intro' => '', 'point' => '', 'points' => '', 'accent' => '', 'on_accent' => '', 'radius' => -1 ),
			),
			$more
		)
	);
}
function movement( $more = array() ) {
	return array_merge(
		array( 'at' => '2026-03-02T12:00:00Z', 'sentence' => '250 points for <x>', 'points' => 250, 'order' => '#1001', 'counted' => array( 'amount' => '250.00', 'currency' => 'USD' ), 'tier_percent' => 150, 'extras' => array( array( 'what' => 'Order number 10', 'points' => 20 ) ), 'capped' => 0, 'from' => '2026-03-15T12:00:00Z', 'left' => array( array( 'points' => 40, 'until' => '2027-03-15T20:30:00Z' ) ) ),
		$more
	);
}
function press( $what, $more = array() ) {
	$_POST = array( 'perennial_do' => $what, 'perennial_nonce' => 'nonce-perennial-' . $what ) + $more;
	return redirected( array( 'Perennial_Forms', 'take' ) );
}
function rung( $world, $name = 'perennial_rung' ) {
	preg_match_all( '/name="' . $name . '" required value="([^"]*)"( disabled)?/', Perennial_Cart::cart(), $found );
	return $found[1];
}

$tests = array(
	'a balance says what comes next, what ends, and the tier' => static function ( $world ) {
		$world->user    = 7;
		$world->answers = array( says( rich() ) );
		$html           = Perennial_View::balance();
		holds( $html, "150 points to go for \u{2068}Ten &lt;b&gt;off&lt;/b&gt;\u{2069}" );
		holds( $html, '<progress max="100" value="62"' );
		holds( $html, '40 points can be used until 2026-03-21' );
		holds( $html, 'Your tier: <strong><bdi>Silver</bdi></strong>' );
		holds( $html, 'It is yours until 2027-01-31; <bdi>60.00 USD</bdi> more until then keeps it.' );
		holds( $html, '<bdi>610.00 USD</bdi> more leads to <bdi>Gold</bdi>' );
		holds( $html, 'Free &lt;i&gt;delivery&lt;/i&gt;' );
		lacks( Perennial_Standing::tiers(), 'Your tier: ' );
	},
	'a ladder of tiers says what each asks for and which is theirs' => static function ( $world ) {
		$world->answers = array( says( rich( array( 'tier' => null ) ) ) );
		$html           = Perennial_Standing::tiers();
		holds( $html, '<li aria-current="true"><div><strong><bdi>Silver</bdi></strong> <span class="perennial-mine">yours</span> <span class="perennial-soft">from 1 order since the beginning' );
		holds( $html, 'from 3 orders since the beginning' );
		holds( $html, '200 points when you reach it' );
		same( substr_count( $html, 'aria-current' ), 1 );
	},
	'a program without tiers has no piece of them' => static function ( $world ) {
		$world->answers = array( says( rich( array( 'tier' => null, 'tiers' => null ) ) ) );
		same( Perennial_Standing::tiers(), '' );
	},
	'a history has the receipt of each entry, and older ones behind a link' => static function ( $world ) {
		$world->user              = 7;
		$_GET['perennial_before'] = '900';
		$world->answers           = array( says( rich() ), says( array( 'movements' => array( movement(), movement( array( 'order' => '', 'sentence' => 'Spent', 'points' => -100, 'counted' => null, 'tier_percent' => 0, 'extras' => array(), 'from' => '', 'left' => array() ) ) ), 'next' => 55 ) ) );
		$html                     = Perennial_History::history();
		same( json_decode( $world->posts[1][1]['body'], true ), array( 'customer' => '7', 'before' => 900, 'language' => 'en_US' ) );
		holds( $html, '250 points for &lt;x&gt;' );
		holds( $html, '<dt>Counted</dt><dd><bdi>250.00 USD</bdi></dd>' );
		holds( $html, '<dt>For your tier</dt><dd>150 percent of the usual</dd>' );
		holds( $html, '<dt>Order number 10</dt><dd>' . "\u{200E}" . '+20</dd>' );
		holds( $html, '40 points, until 2027-03-15' );
		holds( $html, '>' . "\u{200E}\u{2212}" . '100<' );
		holds( $html, 'perennial_before=55' );
		holds( $html, '>Newest</a>' );
		same( substr_count( $html, '<details>' ), 1 );
	},
	'a place in the history that is none is the newest, and a guest has no history' => static function ( $world ) {
		$world->user = 7;
		foreach ( array( '-1', '9e9', "5\n", array( 'x' ), '0' ) as $odd ) {
			$_GET['perennial_before'] = $odd;
			$world->answers           = array( says( rich() ), says( array( 'movements' => array(), 'next' => 0 ) ) );
			$world->posts             = array();
			$world->transients        = array();
			Perennial_Client::forget();
			holds( Perennial_History::history(), 'Nothing yet' );
			same( json_decode( end( $world->posts )[1]['body'], true )['before'], "5\n" === $odd ? 5 : 0 );
		}
		$world->user       = 0;
		$world->transients = array();
		$world->answers    = array( says( rich( array( 'logged_in' => false ) ) ) );
		same( Perennial_History::history(), '' );
	},
	'a product says what it brings, and a page of them is one question' => static function ( $world ) {
		$choices        = array( 21 => new Product( 21, '10.00', 'variation', 20 ), 22 => new Product( 22, '12.00', 'variation', 20 ) );
		$world->products = $choices + array( 12 => new Product( 12, '25.00' ) );
		$parent         = new Product( 20, '10.00', 'variable', 0, array( 21, 22 ) );
		$world->answers = array( says( array( 'earn' => array( array( 'points' => 10, 'exact' => true ), array( 'points' => 12, 'exact' => false ) ) ) ), says( array( 'earn' => array( array( 'points' => 25, 'exact' => true ) ) ) ) );
		$first          = Perennial_Earning::choice( array( 'availability_html' => '<p>there</p>' ), $parent, $choices[21] );
		$second         = Perennial_Earning::choice( array( 'availability_html' => '' ), $parent, $choices[22] );
		holds( $first['availability_html'], '<p>there</p><p class="perennial perennial-earn">Earns 10 points</p>' );
		holds( $second['availability_html'], 'Earns about 12 points' );
		same( count( $world->posts ), 1 );
		same( json_decode( $world->posts[0][1]['body'], true )['pieces'], '20:21:1:10.00;20:22:1:12.00' );
		holds( Perennial_Earning::earn( array( 'product' => '12' ) ), 'Earns 25 points' );
		same( Perennial_Earning::earn( array( 'product' => '99' ) ), '' );
		same( count( $world->posts ), 2 );
	},
	'what goods bring is kept for all guests, and asked anew for each customer' => static function ( $world ) {
		$world->products = array( 12 => new Product( 12, '25.00' ) );
		$world->told     = array( 'earn' => array( 'earn' => array( array( 'points' => 25, 'exact' => true ) ) ) );
		Perennial_Earning::earn( array( 'product' => 12 ) );
		( new ReflectionProperty( 'Perennial_Earning', 'known' ) )->setValue( null, array() );
		Perennial_Earning::earn( array( 'product' => 12 ) );
		same( count( $world->posts ), 1 );
		$world->user = 7;
		( new ReflectionProperty( 'Perennial_Earning', 'known' ) )->setValue( null, array() );
		Perennial_Earning::earn( array( 'product' => 12 ) );
		same( count( $world->posts ), 2 );
		same( json_decode( $world->posts[1][1]['body'], true )['customer'], '7' );
	},
	'goods without a price, points of nothing, and half an answer say nothing' => static function ( $world ) {
		$world->products = array( 1 => new Product( 1, '' ), 2 => new Product( 2, '0' ), 3 => new Product( 3, '9.00' ), 4 => new Product( 4, '8.00' ) );
		$world->answers  = array( says( array( 'earn' => array( array( 'points' => 0, 'exact' => true ) ) ) ), says( array( 'earn' => array( array( 'points' => 1 ), array( 'points' => 2 ) ) ) ) );
		foreach ( array( 1, 2, 3, 4 ) as $number ) {
			same( Perennial_Earning::earn( array( 'product' => $number ) ), '' );
		}
		same( count( $world->posts ), 2 );
	},
	'a product page of a silent service waits once and shows nothing' => static function ( $world ) {
		$world->post = new Product( 12, '25.00' );
		ob_start();
		Perennial_Earning::show();
		Perennial_Cart::show();
		Perennial_Account::title();
		same( ob_get_clean(), '' );
		same( count( $world->posts ), 1 );
		same( $world->posts[0][1]['timeout'], 2 );
	},
	'a cart has a ladder of what points take off, cheapest first, and what it brings' => static function ( $world ) {
		$world->user        = 7;
		$world->cart->lines = array( array( 'product_id' => 12, 'variation_id' => 0, 'quantity' => 2, 'line_total' => 50.0, 'line_tax' => 9.5 ) );
		$world->told        = array( 'account' => rich(), 'earn' => array( 'earn' => array( array( 'points' => 50, 'exact' => true ) ) ) );
		$html               = Perennial_Cart::cart();
		holds( $html, '<legend>You have 250 points</legend>' );
		holds( $html, 'This order earns 50 points' );
		lacks( $html, 'A cake' );
		same( json_decode( $world->posts[1][1]['body'], true )['pieces'], '12:0:2:50.00' );
		same( rung( $world ), array( 'off|1|t1', 'off|4|t1', '' ) );
		holds( $html, 'disabled' );
		$world->cart->empty = true;
		same( Perennial_Cart::cart(), '' );
	},
	'a cart page has one ladder, whichever hook comes first' => static function ( $world ) {
		$world->user = 7;
		$world->told = array( 'account' => rich() );
		ob_start();
		Perennial_Cart::show();
		$first = ob_get_clean();
		holds( $first, 'Use points' );
		same( Perennial_Cart::before( '<div>cart</div>' ), '<div>cart</div>' );
	},
	'a rung that takes more off than there is, and one that asks for more, are not to be chosen' => static function ( $world ) {
		$world->user        = 7;
		$world->told        = array( 'account' => rich() );
		$world->cart->total = 9.0;
		same( rung( $world ), array( 'off|1|t1', '' ) );
		$rewards               = rich()['rewards'];
		$rewards[0]['minimum'] = array( 'amount' => '9.01', 'currency' => 'USD' );
		$world->told           = array( 'account' => rich( array( 'rewards' => $rewards ) ) );
		$world->transients     = array();
		Perennial_Client::forget();
		same( rung( $world ), array( '', '' ) );
		lacks( Perennial_Cart::cart(), '<button' );
		// In another currency nothing of it can be compared.
		$world->currency = 'EUR';
		same( rung( $world ), array( 'off|1|t1', 'off|4|t1', '' ) );
		$world->coupons_enabled = false;
		same( Perennial_Cart::cart(), '' );
	},
	'a price made of blocks is followed by the points of its own product, once' => static function ( $world ) {
		$world->products = array( 12 => new Product( 12, '25.00' ), 13 => new Product( 13, '5.00' ) );
		$world->told     = array( 'earn' => array( 'earn' => array( array( 'points' => 25, 'exact' => true ) ) ) );
		$of              = static function ( $number ) {
			return (object) array( 'context' => array( 'postId' => $number ) );
		};
		same( Perennial_Earning::after_price( '<b>25</b>', array(), $of( 12 ) ), '<b>25</b>' );
		$world->product_page = true;
		same( Perennial_Earning::after_price( '<b>5</b>', array(), $of( 13 ) ), '<b>5</b>' );
		same( Perennial_Earning::after_price( '<b>25</b>', array(), $of( 12 ) ), '<b>25</b><p class="perennial perennial-earn">Earns 25 points</p>' );
		same( Perennial_Earning::after_price( '<b>25</b>', array(), $of( 12 ) ), '<b>25</b>' );
		same( Perennial_Earning::after_price( '<b>25</b>', array() ), '<b>25</b>' );
	},
	'a rung that is pressed buys once and its discount is in the cart at once' => static function ( $world ) {
		$world->user    = 7;
		$world->coupons = array( 'P-NEW' );
		$world->answers = array( says( array( 'bought' => array( 'code' => 'P-NEW' ) ) ) );
		same( press( 'cart', array( 'perennial_rung' => 'off|4|t1', 'customer' => '8' ) ), '303 /points/#perennial' );
		same( json_decode( $world->posts[0][1]['body'], true ), array( 'customer' => '7', 'reward' => 'off', 'steps' => '4', 'request_key' => 't1', 'language' => 'en_US' ) );
		same( $world->cart->applied, array( 'p-new' ) );
		$said = Perennial_Forms::outcome( 'cart' );
		same( array( $said['good'], $said['code'] ), array( true, 'P-NEW' ) );
		holds( $said['text'], 'in your cart' );
	},
	'a coupon that takes longer waits, and its state is told to its own shopper alone' => static function ( $world ) {
		$world->user    = 7;
		$world->answers = array( says( array( 'bought' => array( 'code' => 'P-NEW' ) ) ) );
		press( 'cart', array( 'perennial_rung' => 'off|4|t1' ) );
		same( $world->cart->applied, array() );
		holds( Perennial_Forms::outcome( 'cart' )['text'], 'may take a minute' );
		same( Perennial_Coupon::state( 'p-new' ), 'making' );
		$world->coupons = array( 'P-NEW', 'P-OTHER' );
		same( array( Perennial_Coupon::state( 'P-NEW' ), Perennial_Coupon::state( 'P-OTHER' ), Perennial_Coupon::state( '<x>' ) ), array( 'ready', 'unknown', 'unknown' ) );
		Perennial_Coupon::apply();
		same( Perennial_Coupon::state( 'P-NEW' ), 'used' );
	},
	'a rung of nothing, a forged form and a guest buy nothing' => static function ( $world ) {
		$world->user = 7;
		foreach ( array( '', 'off', 'off|1' ) as $odd ) {
			press( 'cart', array( 'perennial_rung' => $odd ) );
			holds( Perennial_Forms::outcome( 'cart' )['text'], 'choose one' );
		}
		$_POST = array( 'perennial_do' => 'cart', 'perennial_nonce' => 'nonce-perennial-claim', 'perennial_rung' => 'off|1|t1' );
		redirected( array( 'Perennial_Forms', 'take' ) );
		same( Perennial_Forms::outcome( 'cart' )['good'], false );
		same( $world->posts, array() );
		$world->user    = 0;
		$world->answers = array( says( array( 'error' => array( 'code' => 'not-logged-in', 'message' => 'x' ) ), 409 ) );
		press( 'cart', array( 'perennial_rung' => 'off|1|t1' ) );
		same( json_decode( $world->posts[0][1]['body'], true )['customer'], '' );
		holds( Perennial_Forms::outcome( 'cart' )['text'], 'log in first' );
	},
	'whoever tries too often is told so, and others are served on' => static function ( $world ) {
		$world->answers = array( says( array( 'error' => array( 'code' => 'too-many-tries', 'message' => 'x' ) ), 429 ) );
		press( 'claim', array( 'perennial_email' => 'ann@example.test' ) );
		holds( Perennial_Forms::outcome( 'claim' )['text'], 'wait an hour' );
		same( array( get_transient( 'perennial_quiet' ), isset( $world->options['perennial_fault'] ) ), array( false, false ) );
	},
	'deeds are listed with a button for what only the shopper can say' => static function ( $world ) {
		$world->user    = 7;
		$world->answers = array( says( rich() ), says( array( 'kept' => true ) ), says( array( 'kept' => true ) ), says( array( 'error' => array( 'code' => 'earned-already', 'message' => 'x' ) ), 409 ) );
		$html           = Perennial_Ways::ways();
		holds( $html, 'Follow &lt;us&gt;' );
		holds( $html, 'href="https://example.com/shop" rel="noopener"' );
		lacks( $html, 'javascript:' );
		holds( $html, '<option value="03" selected>March</option>' );
		same( substr_count( $html, 'name="perennial_ticket"' ), 2 );
		press( 'deed', array( 'perennial_action' => 'follow', 'perennial_ticket' => 't7', 'customer' => '8' ) );
		same( $world->posts[1][1]['body'], '{"customer":"7","request_key":"t7","action":"follow"}' );
		holds( Perennial_Forms::outcome( 'deed' )['text'], 'points are booked' );
		press( 'birthday', array( 'perennial_month' => '03', 'perennial_day' => '15', 'perennial_ticket' => 't8' ) );
		same( $world->posts[2][1]['body'], '{"customer":"7","request_key":"t8","month":"03","day":"15"}' );
		press( 'deed', array( 'perennial_action' => 'follow', 'perennial_ticket' => 't7' ) );
		holds( Perennial_Forms::outcome( 'deed' )['text'], 'You have had the points' );
	},
	'prices in another currency than the shop\'s own say nothing of points' => static function ( $world ) {
		$world->products = array( 12 => new Product( 12, '25.00' ) );
		$world->currency = 'EUR';
		same( Perennial_Earning::earn( array( 'product' => 12 ) ), '' );
		$world->cart->lines = array( array( 'product_id' => 12, 'variation_id' => 0, 'quantity' => 2 ) );
		same( Perennial_Earning::cart(), '' );
		same( $world->posts, array() );
	},
	'the points of an order are shown to whose it is' => static function ( $world ) {
		$world->user            = 7;
		$world->orders          = array( 1001 => new Order(), 1002 => new Order() );
		$world->orders[1001]->customer = 7;
		$world->orders[1002]->customer = 8;
		$world->told            = array( 'order' => array( 'points' => 250, 'sentence' => '250 points for <b>' ) );
		$shown                  = static function ( $number ) {
			ob_start();
			Perennial_Orders::show( $number );
			return ob_get_clean();
		};
		$html = $shown( 1001 );
		holds( $html, 'This order brought you 250 points.' );
		holds( $html, '250 points for &lt;b&gt;' );
		same( array( $shown( 1002 ), $shown( 99 ) ), array( '', '' ) );
		same( count( $world->posts ), 1 );
		$world->user = 0;
		same( $shown( 1001 ), '' );
	},
	'an order that Perennial has not met yet says what it will bring' => static function ( $world ) {
		$world->user                   = 7;
		$world->orders                 = array( 1001 => new Order() );
		$world->orders[1001]->customer = 7;
		$world->orders[1001]->items    = array( new Line( 12, 2, '50.00' ) );
		$world->told                   = array( 'order' => array( 'points' => null, 'sentence' => null ), 'earn' => array( 'earn' => array( array( 'points' => 50, 'exact' => false ) ) ) );
		ob_start();
		Perennial_Orders::show( 1001 );
		$html = ob_get_clean();
		holds( $html, 'This order earns about 50 points' );
		holds( $html, 'booked when the order is paid' );
	},
	'the tab has the merchant\'s order, hides what they hide, and never what is the customer\'s own' => static function ( $world ) {
		$world->user = 7;
		$world->told = array( 'account' => rich(), 'history' => array( 'movements' => array( movement() ), 'next' => 0 ) );
		ob_start();
		Perennial_Account::show();
		$html = ob_get_clean();
		preg_match_all( '/<section class="perennial perennial-(\w+)"/', $html, $found );
		same( $found[1], array( 'history', 'balance', 'tiers', 'rewards', 'codes', 'ways', 'choices', 'rights' ) );
		same( Perennial_Account::menu( array( 'orders' => 'Orders', 'customer-logout' => 'Log out' ) ), array( 'orders' => 'Orders', 'perennial-points' => 'Points', 'customer-logout' => 'Log out' ) );
		same( array_keys( Perennial_Account::menu( array( 'orders' => 'Orders' ) ) ), array( 'orders', 'perennial-points' ) );
		$world->options = array();
		same( array_keys( Perennial_Account::menu( array( 'orders' => 'Orders' ) ) ), array( 'orders' ) );
	},
	'a tab that cannot be filled says so, and what the law gives stays' => static function ( $world ) {
		$world->user = 7;
		ob_start();
		Perennial_Account::show();
		$html = ob_get_clean();
		holds( $html, 'Send me my data' );
		lacks( $html, 'perennial-balance' );
		$world->options = array();
		ob_start();
		Perennial_Account::show();
		holds( ob_get_clean(), 'Nothing of them is lost' );
	},
	'a choice is kept as it was made, of what was asked alone' => static function ( $world ) {
		$world->user    = 7;
		$world->answers = array( says( array( 'kept' => true ) ), says( array( 'kept' => true ) ) );
		press( 'choose', array( 'perennial_asked_mails' => '1', 'perennial_member' => '1' ) );
		press( 'choose', array( 'perennial_asked_mails' => '1', 'perennial_mails' => '1' ) );
		same( array_map( static function ( $post ) { return $post[1]['body']; }, $world->posts ), array( '{"customer":"7","mails":0}', '{"customer":"7","mails":1}' ) );
		same( Perennial_Forms::outcome( 'choose' )['text'], 'Saved.' );
	},
	'e-mails are chosen by kind, of those that the shop sends' => static function ( $world ) {
		$world->user    = 7;
		$world->answers = array( says( rich() ), says( array( 'kept' => true ) ) );
		$html           = Perennial_Account::choices();
		holds( $html, 'name="perennial_mails_reward" value="1" checked> When your points are enough for a reward' );
		holds( $html, 'name="perennial_mails_points" value="1"> When you have earned points' );
		lacks( $html, 'perennial_mails_tier' );
		lacks( $html, 'later' );
		press( 'choose', array( 'perennial_asked_mails' => '1', 'perennial_mails' => '1', 'perennial_asked_mails_reward' => '1', 'perennial_asked_mails_points' => '1', 'perennial_mails_points' => '1', 'perennial_mails_tier' => '1' ) );
		same( end( $world->posts )[1]['body'], '{"customer":"7","mails":1,"mails_reward":0,"mails_points":1}' );
	},
	'data is asked for by whoever is logged in, of their own address, and once' => static function ( $world ) {
		$world->user = 7;
		press( 'data', array( 'perennial_right' => 'export_personal_data', 'email' => 'eve@example.test' ) );
		same( $world->requests, array( array( 'ann@example.test', 'export_personal_data' ) ) );
		press( 'data', array( 'perennial_right' => 'export_personal_data' ) );
		holds( Perennial_Forms::outcome( 'data' )['text'], 'asked for this already' );
		press( 'data', array( 'perennial_right' => 'drop_tables' ) );
		$world->user = 0;
		press( 'data', array( 'perennial_right' => 'remove_personal_data' ) );
		same( count( $world->requests ), 1 );
		same( $world->posts, array() );
	},
	'the look reaches the page as variables, and odd colours reach nothing' => static function ( $world ) {
		$look           = array( 'accent' => '#1a5f4a', 'on_accent' => '#ffffff', 'radius' => 6, 'point' => 'leaf', 'points' => 'leaves', 'headline' => 'Your <leaves>', 'intro' => 'Hello' );
		$world->answers = array( says( rich( array( 'look' => $look ) ) ) );
		$html           = Perennial_View::balance();
		holds( implode( $world->styles ), '--perennial-accent:#1a5f4a;--perennial-on-accent:#ffffff;--perennial-radius:6px;' );
		holds( $html, 'Your &lt;leaves&gt;</h2><p>Hello</p>' );
		holds( $html, '150 leaves to go' );
		foreach ( array( '#1a5f4a}body{display:none', 'red', '#1A5F4A', "#1a5f4a\n" ) as $odd ) {
			$world->styles     = array();
			$world->transients = array();
			( new ReflectionProperty( 'Perennial_Look', 'worn' ) )->setValue( null, false );
			Perennial_Client::forget();
			$world->answers = array( says( rich( array( 'look' => array( 'accent' => $odd, 'radius' => -1 ) + $look ) ) ) );
			Perennial_View::balance();
			same( $world->styles, array() );
		}
	},
	'a Persian site has Persian digits and days, and other sites have their own' => static function ( $world ) {
		$world->locale = 'fa_IR';
		same( Perennial_Words::number( 1250 ), '۱,۲۵۰' );
		same( Perennial_Words::day( '2026-03-20T20:29:00Z' ), "۲۹\u{A0}اسفند\u{A0}۱۴۰۴" );
		same( Perennial_Words::day( '2026-03-20T20:31:00Z' ), "۱\u{A0}فروردین\u{A0}۱۴۰۵" );
		same( Perennial_Words::last_day( '2026-03-20T20:30:00Z' ), "۲۹\u{A0}اسفند\u{A0}۱۴۰۴" );
		same( Perennial_Words::digits( '<b data-x="1">&#8362;&nbsp;12</b>' ), '<b data-x="1">&#8362;&nbsp;۱۲</b>' );
		$world->locale = 'ro_RO';
		same( Perennial_Words::number( 1250 ), '1,250' );
		same( Perennial_Words::day( '2026-03-20T20:31:00Z' ), '2026-03-20' );
	},
	'a friend reads what the program gives, also where that is no amount' => static function ( $world ) {
		$told = array( 'code' => '', 'friends' => 0, 'points' => 0, 'friend_gets' => null, 'friend_title' => '40 points <after>', 'friend_says' => 'Your friend gets 40 points <after>.', 'take' => 'Take it up', 'minimum' => null );
		$world->answers = array( says( account( array( 'logged_in' => false, 'referral' => $told ) ) ) );
		$html           = Perennial_View::referral();
		holds( $html, '<p><bdi>Your friend gets 40 points &lt;after&gt;.</bdi></p>' );
		lacks( $html, 'off a first order' );
		$_COOKIE['perennial_ref'] = 'BEN23456';
		$world->answers           = array( says( account( array( 'referral' => $told, 'invitation' => array( 'title' => 'x' ) ) ) ) );
		$html                     = Perennial_View::referral();
		holds( $html, '<p class="perennial-offer"><bdi>40 points &lt;after&gt;</bdi></p>' );
		holds( $html, '>Take it up</button>' );
		$world->answers = array( says( array( 'offer' => array( 'code' => '', 'says' => '40 points. They come by themselves.' ) ) ) );
		press( 'claim', array( 'perennial_email' => 'bo@example.com' ) );
		same( Perennial_Forms::outcome( 'claim' )['text'], '40 points. They come by themselves.' );
	},
	'points that the shop calls otherwise are counted as each language counts' => static function ( $world ) {
		Perennial_Words::name( array( 'point' => 'ONE', 'points' => 'MANY' ) );
		$said = array(
			'en_US' => array( 0 => '0 MANY', 1 => '1 ONE', 2 => '2 MANY', 100 => '100 MANY' ),
			'fa_IR' => array( 1 => '۱ ONE', 7 => '۷ ONE', 100 => '۱۰۰ ONE' ),
			'ar'    => array( 0 => '0 MANY', 1 => '1 ONE', 2 => '2 MANY', 10 => '10 MANY', 11 => '11 ONE', 99 => '99 ONE', 100 => '100 ONE', 102 => '102 ONE', 103 => '103 MANY' ),
			'ro_RO' => array( 0 => '0 MANY', 1 => '1 ONE', 19 => '19 MANY', 20 => '20 de MANY', 100 => '100 de MANY', 101 => '101 MANY', 120 => '120 de MANY' ),
		);
		foreach ( $said as $locale => $each ) {
			$world->locale = $locale;
			foreach ( $each as $count => $words ) {
				same( Perennial_Words::points( $count ), $words );
			}
		}
	},
	'a form leads back to its page, and not to what our script asked there' => static function ( $world ) {
		foreach ( array( '/cart/?lang=fa&perennial_code=*', '/cart/?perennial_coupon=P-ABC&lang=fa' ) as $address ) {
			$_SERVER['REQUEST_URI'] = $address;
			holds( Perennial_Forms::fields( 'cart' ), 'name="_wp_http_referer" value="/cart/?lang=fa"' );
		}
	},
	'a piece that stumbles leaves the page around it, and names its kind alone' => static function ( $world ) {
		$world->user = 7;
		$world->told = array( 'account' => rich( array( 'tiers' => array( 'levels' => array( 'secret' ) ) ) ) );
		same( Perennial_Blocks::tried( array( 'Perennial_Standing', 'tiers' ) ), '' );
		same( 0 === strpos( $world->options['perennial_fault'], 'view-' ), true );
		lacks( $world->options['perennial_fault'], 'secret' );
	},
);

play( $tests );
