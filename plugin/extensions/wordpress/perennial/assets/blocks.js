/* The blocks in the editor: each shows what the server makes of it. Plain JavaScript, nothing to build. */
( function ( blocks, element, editor, components, ServerSideRender, words ) {
	[ 'perennial/balance', 'perennial/rewards', 'perennial/history', 'perennial/tiers', 'perennial/ways', 'perennial/tickets', 'perennial/referral', 'perennial/earn', 'perennial/cart', 'perennial/badge' ].forEach( function ( name ) {
		function Empty() {
			return element.createElement( components.Placeholder, { icon: 'awards', label: 'Perennial' }, words.empty );
		}
		blocks.registerBlockType( name, {
			edit: function () {
				return element.createElement(
					'div',
					editor.useBlockProps(),
					element.createElement(
						components.Disabled,
						null,
						element.createElement( ServerSideRender, { block: name, EmptyResponsePlaceholder: Empty } )
					)
				);
			},
			save: function () {
				return null;
			},
		} );
	} );
} )( window.wp.blocks, window.wp.element, window.wp.blockEditor, window.wp.components, window.wp.serverSideRender, window.perennialWords );
