<?php
/**
 * What is a shopper's own beside points: the badge, tickets of contests, codes, and the friends whom they invited. As
 * play.php.
 */
require __DIR__ . '/harness.php';

function squares( $side ) {
	$rows = array();
	for ( $row = 0; $row < $side; $row++ ) {
		$rows[] = str_repeat( $row % 2 ? '0' : '1', $side );
	}
	return $rows;
}
function ticket( $more = array() ) {
	return array_merge( array( 'contest' => 3, 'number' => 17, 'title' => 'Spring <b>draw</b>', 'kind' => 'scratch', 'drawn_after' => '2026-03-15T12:00:00Z', 'decided' => false, 'prize' => '', 'request_key' => 't"9' ), $more );
}
function friend( $more = array() ) {
	return array_merge( array( 'initial' => '', 'since' => '2026-03-01T12:00:00Z', 'state' => 'claimed', 'until' => '2026-03-15T12:00:00Z', 'reason' => '' ), $more );
}
function own( $more = array() ) {
	$told = account(
		array(
			'badge'   => array( 'letters' => '53KH4-PWQ5W', 'picture' => squares( 29 ), 'ends_at' => '2026-03-02T12:10:00Z' ),
			'tickets' => array( ticket(), ticket( array( 'number' => 18, 'request_key' => '', 'decided' => true, 'prize' => 'Five <i>off</i>' ) ), ticket( array( 'number' => 19, 'request_key' => '', 'decided' => true ) ), ticket( array( 'number' => 20, 'request_key' => '', 'kind' => 'draw' ) ) ),
		)
	);
	$told['referral']['invited'] = array( friend() );
	return array_merge( $told, $more );
}
function scratched( $more = array() ) {
	$_POST = $more + array( 'perennial_do' => 'scratch', 'perennial_nonce' => 'nonce-perennial-scratch', 'perennial_contest' => '3', 'perennial_number' => '17', 'perennial_ticket' => 't9' );
	return redirected( array( 'Perennial_Forms', 'take' ) );
}
function tab() {
	ob_start();
	Perennial_Account::show();
	return ob_get_clean();
}

$tests = array(
	'a badge has letters, a picture that was drawn here, and an end in the shop\'s own time' => static function ( $world ) {
		$world->user = 7;
		$world->told = array( 'account' => own() );
		$html        = Perennial_Badge::badge();
		holds( $html, '<details class="perennial-badge"><summary>Show it at the till</summary>' );
		holds( $html, '<code dir="ltr">53KH4-PWQ5W</code>' );
		holds( $html, 'It works until 2026-03-02, 15:40;' );
		holds( $html, 'viewBox="0 0 37 37"' );
		holds( $html, '<path fill="#000" d="M4 4h29v1H4zM4 6h29v1H4z' );
		lacks( $html, 'M4 5h' );
		lacks( $html, 'http' );
	},
	'a picture that is none is left out, and the letters stay' => static function ( $world ) {
		$world->user = 7;
		$odd         = squares( 29 );
		$odd[3]      = str_repeat( '1', 28 ) . '"';
		foreach ( array( null, 'x', array(), squares( 20 ), squares( 178 ), array_slice( squares( 29 ), 1 ), $odd, array_fill( 0, 29, array() ) ) as $picture ) {
			$told                     = own();
			$told['badge']['picture'] = $picture;
			$world->told              = array( 'account' => $told );
			$world->transients        = array();
			Perennial_Client::forget();
			$html = Perennial_Badge::badge();
			lacks( $html, '<svg' );
			holds( $html, '53KH4-PWQ5W' );
		}
	},
	'a badge stands in the tab and in its own block, and not wherever the balance is' => static function ( $world ) {
		$world->user = 7;
		$world->told = array( 'account' => own(), 'history' => array( 'movements' => array(), 'next' => 0 ) );
		lacks( Perennial_View::balance(), '53KH4' );
		same( substr_count( tab(), '53KH4-PWQ5W' ), 1 );
		foreach ( array( array( 'badge' => null ), array( 'badge' => array( 'letters' => 'x' ) ) ) as $none ) {
			$world->told       = array( 'account' => own( $none ) );
			$world->transients = array();
			Perennial_Client::forget();
			same( Perennial_Badge::badge(), '' );
		}
	},
	'tickets say what became of each, and an open card has its button' => static function ( $world ) {
		$world->user = 7;
		$world->told = array( 'account' => own() );
		$html        = Perennial_Contests::tickets();
		holds( $html, '<strong><bdi>Spring &lt;b&gt;draw&lt;/b&gt;</bdi></strong> <span class="perennial-soft">card 17</span>' );
		holds( $html, 'name="perennial_nonce" value="nonce-perennial-scratch"' );
		holds( $html, 'name="perennial_contest" value="3"><input type="hidden" name="perennial_number" value="17"><input type="hidden" name="perennial_ticket" value="t&quot;9">' );
		holds( $html, 'aria-label="Scratch it: Spring &lt;b&gt;draw&lt;/b&gt;, card 17"' );
		same( substr_count( $html, '<form' ), 1 );
		holds( $html, "Won: \u{2068}Five &lt;i&gt;off&lt;/i&gt;\u{2069}. <a href=\"https://shop.example/my-account/perennial-points/#perennial-codes\">" );
		same( substr_count( $html, 'Nothing won this time' ), 1 );
		holds( $html, 'ticket 20' );
		holds( $html, 'Drawn after 2026-03-15' );
	},
	'whoever has no ticket has no piece of them, and neither has a guest' => static function ( $world ) {
		$world->user = 7;
		$world->told = array( 'account' => own( array( 'tickets' => array() ) ) );
		same( Perennial_Contests::tickets(), '' );
		$world->user       = 0;
		$world->transients = array();
		Perennial_Client::forget();
		$world->told = array( 'account' => account( array( 'logged_in' => false, 'codes' => array() ) ) );
		same( array( Perennial_Contests::tickets(), Perennial_Badge::badge(), Perennial_Codes::codes() ), array( '', '', '' ) );
	},
	'a card that is scratched asks for whoever is logged in, and says what it won' => static function ( $world ) {
		$world->user    = 7;
		$world->answers = array( says( array( 'ticket' => ticket( array( 'prize' => 'Five <i>off</i>', 'decided' => true, 'request_key' => '' ) ) ) ), says( array( 'ticket' => ticket( array( 'decided' => true ) ) ) ) );
		same( scratched( array( 'customer' => '8' ) ), '303 /points/#perennial' );
		same( json_decode( $world->posts[0][1]['body'], true ), array( 'customer' => '7', 'contest' => '3', 'number' => '17', 'request_key' => 't9', 'language' => 'en_US' ) );
		$said = Perennial_Forms::outcome( 'scratch' );
		same( array( $said['good'], $said['code'], $said['text'] ), array( true, '', "Won: \u{2068}Five <i>off</i>\u{2069}. It stands among your codes." ) );
		holds( Perennial_View::outcome( $said ), 'Five &lt;i&gt;off&lt;/i&gt;' );
		scratched();
		same( Perennial_Forms::outcome( 'scratch' )['text'], 'Nothing won this time' );
	},
	'a card is shown anew once it was scratched' => static function ( $world ) {
		$world->user = 7;
		$world->told = array( 'account' => own(), 'scratch' => array( 'ticket' => ticket() ) );
		holds( Perennial_Contests::tickets(), '<form' );
		$world->told['account'] = own( array( 'tickets' => array( ticket( array( 'request_key' => '', 'decided' => true ) ) ) ) );
		holds( Perennial_Contests::tickets(), '<form' );
		scratched();
		$html = Perennial_Contests::tickets();
		lacks( $html, '<form' );
		holds( $html, 'role="status">Nothing won this time' );
	},
	'a scratch from elsewhere asks nothing, and a refusal is said in the words of the shop' => static function ( $world ) {
		$world->user = 7;
		foreach ( array( 'forged', 'nonce-perennial-redeem', '' ) as $nonce ) {
			scratched( array( 'perennial_nonce' => $nonce ) );
			holds( Perennial_Forms::outcome( 'scratch' )['text'], 'Nothing was done' );
		}
		same( $world->posts, array() );
		$world->locale  = 'fa_IR';
		$world->texts   = array( 'This card is not yours, or the contest is over.' => 'مال شما نیست' );
		$world->answers = array( says( array( 'error' => array( 'code' => 'no-such-ticket', 'message' => 'x' ) ), 409 ) );
		scratched( array( 'perennial_number' => array( '17' ) ) );
		same( json_decode( $world->posts[0][1]['body'], true )['number'], '' );
		same( Perennial_Forms::outcome( 'scratch' )['text'], 'مال شما نیست' );
	},
	'friends are listed with how far each came, and with one letter at most' => static function ( $world ) {
		$world->user = 7;
		$told        = own();

		$told['referral']['invited'] = array(
			friend(),
			friend( array( 'state' => 'ended' ) ),
			friend( array( 'state' => 'held', 'initial' => '<' ) ),
			friend( array( 'state' => 'held', 'until' => '', 'reason' => 'we look at <it>' ) ),
			friend( array( 'state' => 'ordered', 'until' => '', 'reason' => 'it is not paid' ) ),
			friend( array( 'state' => 'rewarded', 'initial' => 'B' ) ),
			friend( array( 'state' => 'refused', 'until' => '', 'reason' => 'an order before' ) ),
		);

		$world->told = array( 'account' => $told );
		$html        = Perennial_View::referral();
		foreach ( array( 'Has taken the invitation up, and may order until 2026-03-15', 'did not order in time', '<bdi>&lt;.</bdi>', 'Your reward can be used from 2026-03-15', 'Not rewarded yet: we look at &lt;it&gt;', 'Not rewarded yet: it is not paid', '<bdi>B.</bdi></strong> <span class="perennial-soft">2026-03-01</span></div><div>Ordered, and you were rewarded', '<div class="perennial-soft">Ordered, and is not rewarded: an order before' ) as $part ) {
			holds( $html, $part );
		}
		same( substr_count( $html, '<strong>A friend</strong>' ), 5 );
		$told['referral']['ask_after_order'] = true;
		$world->told                         = array( 'account' => $told );
		$world->transients                   = array();
		Perennial_Client::forget();
		$thanks = Perennial_View::thanks();
		holds( $thanks, 'Your link, to copy and pass on' );
		lacks( $thanks, 'Your friends' );
	},
	'the tab has the codes in a place of their own, hidden rewards or not, with what became of each' => static function ( $world ) {
		$world->user = 7;
		$code        = static function ( $state, $more = array() ) {
			return $more + array( 'title' => 'A <b>prize</b>', 'code' => '', 'points' => 100, 'state' => $state, 'why' => '', 'ends_at' => '2026-04-01T12:00:00Z' );
		};
		$codes       = array( $code( 'ready', array( 'code' => 'P-ABC' ) ), $code( 'making' ), $code( 'used' ), $code( 'ended' ), $code( 'ended', array( 'points' => 0 ) ), $code( 'returned', array( 'why' => 'the store <refused> it' ) ), $code( 'returned', array( 'points' => 0, 'why' => 'a return' ) ), $code( 'yours' ) );
		$look        = array( 'order' => array( 'tickets', 'codes', 'rewards', 'balance', 'friends' ), 'hidden' => array( 'rewards' ) );
		$world->told = array( 'account' => own( array( 'codes' => $codes, 'look' => $look ) ) );
		$html        = tab();
		preg_match_all( '/<section class="perennial perennial-(\w+)"/', $html, $found );
		same( array_slice( $found[1], 0, 4 ), array( 'tickets', 'codes', 'balance', 'referral' ) );
		lacks( $html, 'What points buy' );
		holds( $html, '<div id="perennial-codes">' );
		foreach ( array( '<code dir="ltr">P-ABC</code></div><div>Ready until 2026-04-01. <a', 'The shop hands it over to you.', '>Used<', 'Ended 2026-04-01; 100 points will be back', '>Ended 2026-04-01.<', '100 points returned: the store &lt;refused&gt; it', '>Ended: a return<', '>Handed over<' ) as $part ) {
			holds( $html, $part );
		}
		$block = Perennial_View::rewards();
		holds( $block, '<h3>Your codes</h3>' );
		same( substr_count( $block, 'A &lt;b&gt;prize' ), 2 );
		lacks( $block, 'perennial-codes"><div' );
	},
	'an answer of before badges, tickets and friends shows the rest' => static function ( $world ) {
		$world->user = 7;
		$world->told = array( 'account' => account(), 'history' => array( 'movements' => array(), 'next' => 0 ) );
		$html        = tab();
		holds( $html, 'Bring a friend' );
		holds( $html, 'P-ABC' );
		lacks( $html, 'perennial-badge' );
		same( isset( $world->options['perennial_fault'] ), false );
	},
	'the merchant\'s page names every shortcode' => static function () {
		ob_start();
		Perennial_Admin::show();
		$html = ob_get_clean();
		foreach ( array_keys( Perennial_Blocks::NAMES ) as $name ) {
			holds( $html, '<code dir="ltr">[perennial_' . $name . ']</code>' );
		}
	},
);

play( $tests );
