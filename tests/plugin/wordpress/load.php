<?php
/**
 * The plugin's classes, in the order in which the plugin loads them itself.
 */
$main = file_get_contents( PERENNIAL_FILE );
preg_match( '/foreach \( array\( ([^)]+) \) as \$perennial_part/', $main, $found );
preg_match_all( "/'(\w+)'/", $found[1], $parts );
foreach ( $parts[1] as $part ) {
	require PERENNIAL_DIR . '/includes/class-perennial-' . $part . '.php';
}
