/// Made with OpenSSL's command line: a certificate for `localhost` that is its own authority, its key, and keys that do not
/// serve it.
enum Certificates {
    static let server =
        """
        -----BEGIN CERTIFICATE-----
        MIIBmjCCAUGgAwIBAgIUYkuQCf0eOd7pdk122KPnmnhULAUwCgYIKoZIzj0EAwIw
        FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNjIxMjE0NVoYDzIxMjYxMTAy
        MjEyMTQ1WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
        PQMBBwNCAATDCcvffuBhF0dwMvRC3QbJe3ulENAuHiiUr+Knwhdm2BCyGspiIzLY
        mB8jX28SnqdB2sIBNeertgIjBQS+vfAho28wbTAdBgNVHQ4EFgQUB6fQo7TMsGaj
        vi6i2hUEvKxHFrYwHwYDVR0jBBgwFoAUB6fQo7TMsGajvi6i2hUEvKxHFrYwDwYD
        VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
        zj0EAwIDRwAwRAIgLmUSOnjAzT8O6jsnlwFDl2NNIURQQq0ds2UkmjHbITECIEwb
        S4f0YEzqkqjUS9j3LKjpb2PJkfucQPcmA8BO5rO2
        -----END CERTIFICATE-----
        """

    static let serverKey =
        """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgsFz3KhWyjHv3LIJz
        2DhluQmSH0m+ZuvHH49Yo8wzZZ6hRANCAATDCcvffuBhF0dwMvRC3QbJe3ulENAu
        HiiUr+Knwhdm2BCyGspiIzLYmB8jX28SnqdB2sIBNeertgIjBQS+vfAh
        -----END PRIVATE KEY-----
        """

    /// The same with a passphrase.
    static let encryptedKey =
        """
        -----BEGIN ENCRYPTED PRIVATE KEY-----
        MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAh90yNMdC7UawICCAAw
        DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEMT0GLUz91w097uyjMORVEwEgZBa
        BIGddLFa7rn0aadMvZ2TzgOnklgc2fcyhRb7uU7YkhEBNe1R7FFe7pRfmr0tzmra
        dPcDI8mNThNpFVED3IM/lgU7td2UMpSvEyGRzSp6wfrXsZi7gLUeloc9z+XvE7n0
        w62ktfRsLYw3LHhLraL0UUsg0sj/n00vriM8OvXHh/2goieeKNFj840O7LMyCxM=
        -----END ENCRYPTED PRIVATE KEY-----
        """

    static let otherKey =
        """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgw831ndp7seUxDadb
        nhVmIgu89GTyQ70+JyX6XUMmj3ehRANCAATUe1aw0KhNP/N8jhazvPQMsSZu00gk
        9nG8IqX4UVjEERBXQ42tMmp7YFN0CT36SUudryhjsScT+6RaMkTVoQCe
        -----END PRIVATE KEY-----
        """
}
