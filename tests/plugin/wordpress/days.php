<?php
/**
 * Every seventh day from one on, as the plugin's Persian calendar has it.
 */
define( 'ABSPATH', __DIR__ . '/' );
require dirname( __DIR__, 3 ) . '/plugin/extensions/wordpress/perennial/includes/class-perennial-words.php';

$day = new DateTimeImmutable( $argv[1], new DateTimeZone( 'UTC' ) );
for ( $at = 0; $at < (int) $argv[2]; $at += 7 ) {
	$there = $day->modify( "+$at days" );
	echo implode( '-', Perennial_Words::persian( (int) $there->format( 'Y' ), (int) $there->format( 'n' ), (int) $there->format( 'j' ) ) ), "\n";
}
