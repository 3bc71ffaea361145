package secure

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"hash"

	"crypto/x509"
)

// Keys that a password protects: PKCS #8 with PBES2 (RFC 8018), which openssl writes,
// and the PEM encryption of before. Only what comes out of these is a key; that a
// password is wrong shows by the padding, or later by what is no key.

// The algorithms, by their object identifiers.
var (
	oidPBES2    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
	oidHMACSHA1 = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 7}
	oidSHA256   = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9}
	oidSHA384   = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 10}
	oidSHA512   = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 11}
	oidAES128   = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 2}
	oidAES192   = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 22}
	oidAES256   = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}
	oid3DES     = asn1.ObjectIdentifier{1, 2, 840, 113549, 3, 7}
)

// maxIterations bounds the work that a key file may ask for.
const maxIterations = 10_000_000

var errPassword = errors.New("the password is wrong, or the key is damaged")

// openKey returns the PEM of a key without its protection.
func openKey(text []byte, password string) ([]byte, error) {
	for rest := text; ; {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			return text, nil // crypto/tls says what is missing
		}
		switch {
		case b.Type == "ENCRYPTED PRIVATE KEY":
			der, err := openPKCS8(b.Bytes, password)
			if err != nil {
				return nil, err
			}
			return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
		case b.Headers["DEK-Info"] != "":
			//lint:ignore SA1019 it is what the file is protected by, and nothing is written so
			der, err := x509.DecryptPEMBlock(b, []byte(password))
			if err != nil {
				return nil, errPassword
			}
			return pem.EncodeToMemory(&pem.Block{Type: b.Type, Bytes: der}), nil
		}
	}
}

type encryptedKey struct {
	Algorithm pkix.AlgorithmIdentifier
	Data      []byte
}

type pbes2 struct {
	Derivation, Encryption pkix.AlgorithmIdentifier
}

type pbkdf2Params struct {
	Salt       []byte
	Iterations int
	KeyLength  int                      `asn1:"optional"`
	PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
}

func openPKCS8(der []byte, password string) ([]byte, error) {
	var key encryptedKey
	var how pbes2
	var derive pbkdf2Params
	if _, err := asn1.Unmarshal(der, &key); err != nil {
		return nil, fmt.Errorf("read the protected key: %w", err)
	}
	if !key.Algorithm.Algorithm.Equal(oidPBES2) {
		return nil, fmt.Errorf("the key is protected by %v: PBES2 is understood (openssl pkcs8 -topk8 -v2 aes256)", key.Algorithm.Algorithm)
	}
	if _, err := asn1.Unmarshal(key.Algorithm.Parameters.FullBytes, &how); err != nil {
		return nil, fmt.Errorf("read how the key is protected: %w", err)
	}
	if !how.Derivation.Algorithm.Equal(oidPBKDF2) {
		return nil, fmt.Errorf("the key's password is hashed by %v: PBKDF2 is understood", how.Derivation.Algorithm)
	}
	if _, err := asn1.Unmarshal(how.Derivation.Parameters.FullBytes, &derive); err != nil {
		return nil, fmt.Errorf("read how the key's password is hashed: %w", err)
	}
	if derive.Iterations < 1 || derive.Iterations > maxIterations {
		return nil, fmt.Errorf("the key's password is hashed %d times: at most %d are done", derive.Iterations, maxIterations)
	}
	hashed, err := hashOf(derive.PRF.Algorithm)
	if err != nil {
		return nil, err
	}
	var iv []byte
	if _, err := asn1.Unmarshal(how.Encryption.Parameters.FullBytes, &iv); err != nil {
		return nil, fmt.Errorf("read the key's cipher: %w", err)
	}
	size, block, err := cipherOf(how.Encryption.Algorithm)
	if err != nil {
		return nil, err
	}
	secret, err := pbkdf2.Key(hashed, password, derive.Salt, derive.Iterations, size)
	if err != nil {
		return nil, fmt.Errorf("hash the key's password: %w", err)
	}
	b, err := block(secret)
	if err != nil {
		return nil, fmt.Errorf("the key's cipher: %w", err)
	}
	return unpad(b, iv, key.Data)
}

func hashOf(oid asn1.ObjectIdentifier) (func() hash.Hash, error) {
	switch {
	case len(oid) == 0 || oid.Equal(oidHMACSHA1):
		return sha1.New, nil
	case oid.Equal(oidSHA256):
		return sha256.New, nil
	case oid.Equal(oidSHA384):
		return sha512.New384, nil
	case oid.Equal(oidSHA512):
		return sha512.New, nil
	}
	return nil, fmt.Errorf("the key's password is hashed by %v, which is not understood", oid)
}

func cipherOf(oid asn1.ObjectIdentifier) (size int, block func([]byte) (cipher.Block, error), err error) {
	switch {
	case oid.Equal(oidAES128):
		return 16, aes.NewCipher, nil
	case oid.Equal(oidAES192):
		return 24, aes.NewCipher, nil
	case oid.Equal(oidAES256):
		return 32, aes.NewCipher, nil
	case oid.Equal(oid3DES):
		return 24, des.NewTripleDESCipher, nil
	}
	return 0, nil, fmt.Errorf("the key's cipher %v is not understood", oid)
}

// unpad deciphers data and takes its padding off.
func unpad(b cipher.Block, iv, data []byte) ([]byte, error) {
	n := b.BlockSize()
	if len(iv) != n || len(data) == 0 || len(data)%n != 0 {
		return nil, errPassword
	}
	out := make([]byte, len(data))
	cipher.NewCBCDecrypter(b, iv).CryptBlocks(out, data)
	pad := int(out[len(out)-1])
	if pad < 1 || pad > n {
		return nil, errPassword
	}
	for _, p := range out[len(out)-pad:] {
		if int(p) != pad {
			return nil, errPassword
		}
	}
	return out[:len(out)-pad], nil
}
