<?php
/**
 * What the plugin's own code signs, as JSON: made with php once, and compared with the app's code ever after.
 */
define( 'PERENNIAL_ALONE', true );
require dirname( __DIR__, 3 ) . '/plugin/extensions/wordpress/perennial/includes/class-perennial-signature.php';

$cases = array(
	array( str_repeat( 'a1', 32 ), 'POST', '/companion/account', 'shop.example', '{"customer":"7","ref":""}', 1795344833, str_repeat( '0f', 16 ) ),
	array( str_repeat( 'b2', 32 ), 'POST', '/companion/redeem', 'shop.example/fa', '{"reward":"five-off"}', 1700000000, str_repeat( '12', 16 ) ),
	array( str_repeat( 'c3', 32 ), 'POST', '/companion/enter', 'shop.example:8080/~ann', '1', 1795344833, str_repeat( 'ab', 16 ) ),
	array( str_repeat( 'd4', 32 ), 'POST', '/companion/claim', 'فروشگاه.example', '{"email":"علی@example.test"}', 1795344833, str_repeat( 'cd', 16 ) ),
	array( str_repeat( 'e5', 32 ), 'POST', '/companion/health', 'shop.example', '', 1795344833, str_repeat( 'ef', 16 ) ),
);
$said  = array();
foreach ( $cases as $case ) {
	list( $secret, $method, $path, $shop, $body, $timestamp, $nonce ) = $case;

	$said[] = array(
		'secret' => $secret,
		'method' => $method,
		'path'   => $path,
		'body'   => $body,
		'digest' => Perennial_Signature::digest( $secret ),
		'signed' => Perennial_Signature::sign( $secret, $method, $path, $shop, $body, $timestamp, $nonce ),
	);
}
echo json_encode( $said, JSON_PRETTY_PRINT | JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES ), "\n";
