#!/usr/bin/env bash
# Installs what the tests need: Debian packages, Node, npm and Python packages, cargo-generate.
source "$(dirname "$0")/lib.sh"

# What builds need; first, so that the rest can be fetched beside the first builds.
build=(g++ libssl-dev pkg-config procps)
# What stands here is what tests look for; without it they are skipped aloud.
debian=(
    chromium firefox-esr # browsers
    janus-tools ffmpeg tshark # readers of recordings
    gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly
    gstreamer1.0-nice python3-gi gir1.2-gst-plugins-base-1.0 gir1.2-gst-plugins-bad-1.0 # webrtcbin from Python
    iproute2 openssl valgrind npm python3-venv curl
)

# debian_packages PACKAGE…: installs those that are missing.
debian_packages() {
    local missing=() package sudo=
    for package in "$@"; do
        case "$package" in
            # Node and npm may come from elsewhere.
            npm) have npm && continue ;;
        esac
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    if ((!${#missing[@]})); then
        echo "all $# are there"
        return 0
    fi
    echo "to install: ${missing[*]}"
    if ((EUID)); then
        sudo="sudo -n"
        $sudo true || {
            echo "neither root nor sudo without a password: install them yourself with" \
                "apt-get install ${missing[*]}"
            return 1
        }
    fi
    $sudo apt-get update -q &&
        $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
}

node_22() {
    local folder=$SFU_TEST_TOOLS/node
    mkdir -p "$folder"
    # npm's `node` package brings the program itself, the same everywhere.
    [[ $("$folder/node_modules/.bin/node" --version) == v22.23.3 ]] ||
        npm install --prefix "$folder" --no-fund --no-audit node@22.23.3 || return
    "$folder/node_modules/.bin/node" --version
}

npm_packages() {
    (cd tests/node && npm ci --no-fund --no-audit) &&
        # Its script would download or build the C++ worker, which nobody starts.
        (cd sfu-plugins/signaling/mediasoup/tests/node && npm ci --ignore-scripts --no-fund --no-audit) &&
        (cd tests/mediasoup && npm ci --ignore-scripts --no-fund --no-audit) &&
        (cd tests/mediasoup-suite && npm ci --ignore-scripts --no-fund --no-audit) &&
        (cd bins/npm && npm ci --ignore-scripts --no-fund --no-audit)
}

lock_names_no_host() {
    ! grep -n '"resolved"' tests/{node,mediasoup,mediasoup-suite}/package-lock.json \
        sfu-plugins/signaling/mediasoup/tests/node/package-lock.json bins/npm/package-lock.json
}

python_packages() {
    local folder=$SFU_TEST_TOOLS/python
    # Made by a Python that has gone since, it is made anew.
    "$folder/bin/python" -m pip --version >/dev/null 2>&1 || python3 -m venv --clear "$folder" || return
    # The first PyAV with FFmpeg's WHIP muxer. The script `pip` holds the path of the clone that made the folder, which may have gone.
    "$folder/bin/python" -m pip install --quiet 'av==18.1.0' || return
    "$folder/bin/python" -c 'import av, sys; sys.exit("whip" not in av.formats_available and "PyAV without whip")'
}

# The server to compare with: unpacked, because its package would start a service of it.
janus_server() {
    local folder=$SFU_TEST_TOOLS/janus
    local -a libraries
    mapfile -t libraries < <(apt-cache depends --important janus | awk '$1 == "Depends:" && $2 ~ /^lib/ { print $2 }')
    debian_packages "${libraries[@]}" || return
    [[ ! -x $folder/usr/bin/janus ]] || return 0
    mkdir -p "$folder" &&
        (cd "$folder" && apt-get download -q janus && dpkg-deb -x janus_*.deb . && rm janus_*.deb) &&
        "$folder/usr/bin/janus" --help | head -1
}

cargo_tool() {
    local there
    there=$(command -v "$1")
    [[ -z $there || $there -ef $SFU_TEST_TOOLS/bin/$1 ]] || return 0
    # Not optimised: each runs for a second or two, and building it would take minutes.
    CARGO_PROFILE_DEV_DEBUG=false CARGO_TARGET_DIR=$SFU_TEST_ROOT/target/cargo-tools \
        cargo install --debug "$1" --version "$2" --locked --root "$SFU_TEST_TOOLS"
}

# Tools have their versions here, so they outlive the clone that installed them: two of them take minutes to build.
keep_tools() {
    local cache=${XDG_CACHE_HOME:-$HOME/.cache}/sfukit-tests
    [[ -e $SFU_TEST_TOOLS ]] || (mkdir -p "$cache" "$(dirname "$SFU_TEST_TOOLS")" && ln -s "$cache" "$SFU_TEST_TOOLS")
}

# What others made: fetched, while the processor builds.
fetched() {
    if have dpkg-query; then
        check "Debian packages" debian_packages "${debian[@]}"
        check "Janus" janus_server
    fi
    check "Node" node_22
    check "npm packages" npm_packages
    check "npm lock files without hosts" lock_names_no_host
    check "PyAV" python_packages
}

if have dpkg-query; then
    check "Debian packages for building" debian_packages "${build[@]}"
else
    skip "Debian packages" "this is no Debian; install the counterparts of: ${build[*]} ${debian[*]}"
fi
check "Rust toolchain" cargo --version
check "folder of tools" keep_tools
fetched >"$SFU_TEST_RESULTS/fetched" 2>&1 &
check "cargo-generate" cargo_tool cargo-generate 0.23.7
check "cargo-deny" cargo_tool cargo-deny 0.20.2
wait
cat "$SFU_TEST_RESULTS/fetched"
rm -rf target/cargo-tools
exit 0
