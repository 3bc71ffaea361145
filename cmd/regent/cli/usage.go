package cli

// usage is what --help prints.
const usage = `Usage: regent cli [OPTIONS] [cmd [arg [arg ...]]]

Sends commands to a server. It follows the leader (MOVED, and an election's
end); the options are redis-cli's. Without a command it reads them from the
terminal, or a line each from a pipe.

Connection
  -h <host>            The server's host (default: 127.0.0.1).
  -p <port>            Its port (default: 6379).
  -s <path>            Its unix socket, instead of host and port.
  -u <uri>             redis://user:password@host:port/db; rediss:// is by TLS.
  -a, --pass <text>    Password. The environment variable REDISCLI_AUTH passes
                       it without showing it to others; -a comes first.
  --user <name>        User name for the password.
  --askpass            Asks for the password.
  --no-auth-warning    No warning about a password on the command line.
  -n <db>              Database number.
  -2, -3               RESP2 or RESP3.
  -c                   Follows MOVED; it is the default.
  --stay               Follows nothing.
  --patience <time>    How long an election is waited for (default: 15s).

TLS
  --tls                Speaks TLS.
  --cert, --key <file> The certificate to show, and its key.
  --cacert <file>      Who may vouch for the server (default: the system's).
  --cacertdir <dir>    The same, as a folder of such files.
  --insecure           Whoever the server is.
  --sni <name>         The name that it is asked for.
  --tls-ciphers <list>, --tls-ciphersuites <list>
                       Ciphers of TLS 1.2, suites of TLS 1.3.

Commands
  -r <count>           Carries the command out so often; -1: for ever.
  -i <seconds>         Waits between them, and in --scan, --stat, --latency.
  -x                   Takes the last argument from standard input.
  -X <tag>             Takes the argument that is <tag> from standard input.
  --quoted-input       Reads arguments as quoted strings: "\x00".
  -e                   Exits with 1 when the reply is an error.
  --eval <file>        Sends the script as EVAL: keys , arguments.

Output
  --raw                Bare values; the default where output is no terminal.
  --no-raw             Values with their types.
  --csv                A line of comma separated values.
  --json               JSON, over RESP3 unless -2 is given.
  --quoted-json        JSON in ASCII.
  -d <text>            Between the elements of a bare array (default: \n).
  -D <text>            After each bare reply (default: \n).
  --show-pushes <yn>   RESP3's messages; yes where output is a terminal.

Instead of commands
  --scan               Lists the keys.
  --pattern <glob>     Only these keys, in --scan, --bigkeys, --memkeys and
                       --hotkeys; --quoted-pattern takes a quoted string.
  --count <n>          How many keys each SCAN looks at.
  --bigkeys            The keys with the most elements, and averages.
  --memkeys            The keys that take the most memory;
                       --memkeys-samples <n> looks at so many elements each.
  --hotkeys            The most used keys, under an LFU maxmemory-policy.
  --stat               A line of figures each second.
  --latency            PING's round trip in milliseconds.
  --latency-history    The same, begun anew every 15 seconds, or -i.
  --pipe               Sends standard input, commands on the wire's format, and
                       counts the replies. --pipe-timeout <seconds> gives up.

  --verbose  --help  --version
`
