// Until the script of the storefront stands here, the plain words do.
