<?php
/**
 * Pieces of the plugin as a shop's page has them. What Perennial answers comes as JSON on standard input:
 * {"locale", "user", "texts": {...}, "told": {"account": {...}, ...}, "pieces": [[class, method], ...]}.
 */
error_reporting( E_ALL );
set_error_handler(
	static function ( $level, $message, $file, $line ) {
		throw new ErrorException( $message, 0, $level, $file, $line );
	}
);
require __DIR__ . '/stubs.php';
require __DIR__ . '/load.php';
$given = json_decode( stream_get_contents( STDIN ), true );

$world->locale  = $given['locale'];
$world->texts   = $given['texts'];
$world->told    = $given['told'];
$world->user    = $given['user'];
$world->session = new Session();
$world->cart    = new Cart();
$world->session->kept = $given['session'];
$world->cart->lines   = array( array( 'product_id' => 12, 'variation_id' => 0, 'quantity' => 2, 'line_total' => 50.0, 'line_tax' => 0.0 ) );
$world->post          = new Product( 12, '25.00' );
$world->orders[1001]  = new Order();
$world->orders[1001]->customer = $given['user'];
$world->options['perennial_connection'] = array(
	'app_url' => 'https://perennial.example',
	'shop'    => 'shop.example',
	'secret'  => str_repeat( 'a1', 32 ),
);
$_POST                  = $given['posted'];
$_SERVER['REQUEST_URI'] = '/my-account/perennial-points/';
ob_start();
foreach ( $given['pieces'] as $piece ) {
	$html = call_user_func( array( $piece[0], $piece[1] ), ...array_slice( $piece, 2 ) );
	echo is_string( $html ) ? $html : '';
}
$html = ob_get_clean();
echo json_encode( array( 'html' => $html, 'styles' => $world->styles, 'fault' => get_option( 'perennial_fault', '' ) ) );
