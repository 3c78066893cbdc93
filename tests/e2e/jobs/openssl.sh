# openssl: digests, ciphers, keys, signatures, certificates, the benchmark with its alarm.
head -c 1000000 /dev/zero | tr '\0' 'a' >plain
for digest in md5 sha1 sha256 sha384 sha512 sha3-256 blake2b512 sm3; do openssl dgst -$digest plain; done
openssl dgst -sha256 -hmac key plain
for cipher in aes-256-cbc aes-128-ctr chacha20 aria-192-cfb camellia-256-cbc; do
  openssl enc -$cipher -pbkdf2 -iter 100 -S 0102030405060708 -pass pass:word -in plain -out sealed && sha256sum <sealed
  openssl enc -d -$cipher -pbkdf2 -iter 100 -S 0102030405060708 -pass pass:word -in sealed | cmp - plain && echo "$cipher: same"
done
for key in 'RSA -pkeyopt rsa_keygen_bits:1024' 'EC -pkeyopt ec_paramgen_curve:P-256' ED25519; do
  openssl genpkey -quiet -algorithm $key -out key.pem && openssl pkey -in key.pem -pubout -out public.pem
  case $key in ED25519) raw=-rawin ;; *) raw='-rawin -digest sha256' ;; esac
  openssl pkeyutl -sign -inkey key.pem $raw -in plain -out signature && openssl pkeyutl -verify -pubin -inkey public.pem $raw -in plain -sigfile signature
  echo x >>plain; openssl pkeyutl -verify -pubin -inkey public.pem $raw -in plain -sigfile signature 2>/dev/null; echo "changed: $?"; head -c 1000000 plain >p && mv p plain
done
openssl req -x509 -new -key key.pem -subj /CN=enclave -days 30 -out certificate.pem && openssl x509 -in certificate.pem -noout -subject -issuer && openssl verify -CAfile certificate.pem certificate.pem
openssl rand -hex 16 | wc -c; openssl prime 1000003; echo cGVuZ2xhaQ== | openssl base64 -d; echo
openssl speed -seconds 1 -bytes 1024 sha256 2>&1 | sed -n 's/[0-9][0-9.]*k*/N/g;/^Doing/p;/^sha256/p' | sed 's/  */ /g'
(openssl s_server -quiet -accept 127.0.0.1:4433 -key key.pem -cert certificate.pem -naccept 1 -www >/dev/null 2>&1 & echo $! >pid)
for i in $(seq 50); do printf 'GET / HTTP/1.0\r\n\r\n' | openssl s_client -quiet -connect 127.0.0.1:4433 -CAfile certificate.pem 2>/dev/null >page && break; sleep 0.1; done; grep -o 'TLSv1.3' page | head -n 1
