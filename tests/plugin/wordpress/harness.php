<?php
/**
 * How the plugin's classes are played without WordPress: what tests say, and what runs them, each in a fresh world.
 */
error_reporting( E_ALL );
set_error_handler(
	static function ( $level, $message, $file, $line ) {
		throw new ErrorException( $message, 0, $level, $file, $line );
	}
);
require __DIR__ . '/stubs.php';
require __DIR__ . '/load.php';

const CONNECTION = array(
	'app_url' => 'https://perennial.example',
	'shop'    => 'shop.example',
	'secret'  => 'a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1',
);

function same( $found, $wanted ) {
	if ( $found !== $wanted ) {
		throw new Exception( 'found ' . var_export( $found, true ) . ', wanted ' . var_export( $wanted, true ) );
	}
}
function holds( $text, $part ) {
	if ( false === strpos( $text, $part ) ) {
		throw new Exception( $part . ' is not in ' . $text );
	}
}
function lacks( $text, $part ) {
	if ( false !== strpos( $text, $part ) ) {
		throw new Exception( $part . ' is in ' . $text );
	}
}
function redirected( $what ) {
	try {
		$what();
	} catch ( Redirected $to ) {
		return $to->getMessage();
	}
	return 'nowhere';
}
function says( $told, $status = 200 ) {
	return array(
		'status' => $status,
		'body'   => is_string( $told ) ? $told : json_encode( $told ),
	);
}
function account( $more = array() ) {
	$money = array(
		'amount'   => '5.00',
		'currency' => 'USD',
	);
	return array_merge(
		array(
			'logged_in'  => true,
			'known'      => true,
			'balance'    => array( 'points' => 290, 'spendable' => 250, 'pending' => 40, 'held' => 0, 'debt' => 0 ),
			'pending'    => array( array( 'points' => 40, 'at' => '2026-03-15T12:00:00Z' ) ),
			'earning'    => array( 'points' => 1, 'per' => $money, 'hold_days' => 14 ),
			'rewards'    => array( array( 'key' => 'five-off', 'title' => 'Five <script>alert(1)</script>', 'points' => 100, 'kind' => 'amount', 'steps' => array( array( 'steps' => 1, 'points' => 100, 'worth' => $money ) ), 'missing' => 0, 'minimum' => null, 'sold_out' => false, 'request_key' => 'ticket"1' ) ),
			'codes'      => array( array( 'title' => 'Five off', 'code' => 'P-ABC', 'points' => 100, 'state' => 'ready', 'ends_at' => '2026-04-01T12:00:00Z' ) ),
			'history'    => array(),
			'referral'   => array( 'code' => 'ANN23456', 'friends' => 1, 'points' => 200, 'friend_gets' => $money, 'minimum' => null ),
			'invitation' => null,
		),
		$more
	);
}

/**
 * Run tests by their names. Prints one JSON object: of each test its fault, or null.
 */
function play( $tests ) {
	global $world;
	$told = array();
	foreach ( $tests as $name => $test ) {
		$world = new World();
		$world->session                         = new Session();
		$world->cart                            = new Cart();
		$world->options['perennial_connection'] = CONNECTION;
		$_GET    = array();
		$_POST   = array();
		$_COOKIE = array();
		$_SERVER['REQUEST_URI'] = '/points/';
		$_SERVER['REMOTE_ADDR'] = '203.0.113.9';
		$_SERVER['HTTP_USER_AGENT'] = 'A browser';
		unset( $_SERVER['HTTP_REFERER'], $_SERVER['HTTP_SEC_PURPOSE'] );
		foreach ( array( array( 'Perennial_Client', 'known', array() ), array( 'Perennial_Referral', 'fresh', '' ), array( 'Perennial_Referral', 'opened', '' ), array( 'Perennial_Visitor', 'fresh', '' ), array( 'Perennial_View', 'asked_in', false ), array( 'Perennial_Earning', 'known', array() ), array( 'Perennial_Cart', 'shown', false ), array( 'Perennial_Earning', 'shown', false ), array( 'Perennial_Look', 'worn', false ), array( 'Perennial_Standing', 'told', false ), array( 'Perennial_Words', 'names', array( '', '' ) ) ) as list( $class, $name_of, $first ) ) {
			$property = new ReflectionProperty( $class, $name_of );
			$property->setAccessible( true );
			$property->setValue( null, $first );
		}
		try {
			$test( $world );
			$told[ $name ] = null;
		} catch ( Throwable $fault ) {
			$told[ $name ] = get_class( $fault ) . ': ' . $fault->getMessage() . ' (line ' . $fault->getLine() . ')';
		}
	}
	echo json_encode( $told, JSON_PRETTY_PRINT | JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES ), "\n";
}
