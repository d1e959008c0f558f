# Helpers for cases: files of exact bytes made with the shell alone. Sourced by tests/cli/run.

# as_user COMMAND...: without root's rights, for which no file is closed
as_user() {
  if [ "$(id -u)" = 0 ]; then setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; else "$@"; fi
}

# bytes of doubles, little-endian: whole numbers, nan, inf, -inf
f8() {
  local v sign e m bits bytes byte i
  for v in "$@"; do
    sign=0
    case $v in
      nan) printf '\000\000\000\000\000\000\370\177'; continue ;;
      inf) printf '\000\000\000\000\000\000\360\177'; continue ;;
      -inf) printf '\000\000\000\000\000\000\360\377'; continue ;;
      -*) sign=1 v=${v#-} ;;
    esac
    bits=0
    if [ "$v" -ne 0 ]; then
      e=0 m=$v
      while [ "$m" -gt 1 ]; do m=$((m >> 1)) e=$((e + 1)); done
      bits=$((((1023 + e) << 52) | ((v - (1 << e)) << (52 - e))))
    fi
    [ $sign = 1 ] && bits=$((bits | (1 << 63)))
    bytes=
    for i in 0 8 16 24 32 40 48 56; do
      printf -v byte '\\%03o' $(((bits >> i) & 255))
      bytes=$bytes$byte
    done
    # shellcheck disable=SC2059
    printf "$bytes"
  done
}

# npy_raw FILE DTYPE FORTRAN SHAPE < data
npy_raw() {
  local header
  header="{'descr': '$2', 'fortran_order': $3, 'shape': $4, }"
  while [ $(((${#header} + 11) % 64)) -ne 0 ]; do header="$header "; done
  {
    printf '\223NUMPY\001\000'
    printf "\\$(printf %03o $(((${#header} + 1) & 255)))\\$(printf %03o $(((${#header} + 1) >> 8)))"
    printf '%s\n' "$header"
    cat
  } >"$1"
}

# npy FILE SHAPE VALUES...: float64 in C order
npy() {
  local file=$1 shape=$2
  shift 2
  f8 "$@" | npy_raw "$file" '<f8' False "$shape"
}

# patterns FILE ROWS COLS: whole numbers with different rows and columns, no two rows in line
patterns() {
  local file=$1 rows=$2 cols=$3 i j values=()
  for ((i = 1; i <= rows; i++)); do
    for ((j = 1; j <= cols; j++)); do values+=($(((i * i * 7 + j * j * i * 3 + i * j * 11) % 23))); done
  done
  npy "$file" "($rows, $cols)" "${values[@]}"
}

# labels FILE VALUES...: one-dimensional float64
labels() {
  local file=$1
  shift
  npy "$file" "($#,)" "$@"
}

# rdms FILE COUNT N: a stack of COUNT symmetric N x N dissimilarities with zero diagonals
rdms() {
  local file=$1 count=$2 n=$3 s i j a b values=()
  for ((s = 1; s <= count; s++)); do
    for ((i = 0; i < n; i++)); do
      for ((j = 0; j < n; j++)); do
        a=$((i < j ? i : j)) b=$((i < j ? j : i))
        values+=($((i == j ? 0 : (a * 5 + b * b * 3 + a * b * 7 + s * (a + 2 * b)) % 29 + 1)))
      done
    done
  done
  npy "$file" "($count, $n, $n)" "${values[@]}"
}

# llama FILE: a language model of zeros in the llama2.c format: dim 4, hidden 2, one layer, two heads, one head of keys,
# vocabulary 300, six positions
llama() {
  printf '\004\000\000\000\002\000\000\000\001\000\000\000\002\000\000\000\001\000\000\000\054\001\000\000\006\000\000\000' >"$1"
  head -c 5184 /dev/zero >>"$1"
}

# net FILE LAYERS: an architecture for images of 2 channels, 3 rows and 4 columns; LAYERS is the inside of its list
net() {
  printf '{"format": "cortifold-net/1", "input": {"channels": 2, "height": 3, "width": 4}, "layers": [%s]}\n' "$2" >"$1"
}

# images FILE N: N uint8 images of zeros for it
images() {
  npy_raw "$1" '|u1' False "($2, 3, 4, 2)" < <(head -c $((24 * $2)) /dev/zero)
}

# pixels N: N bytes that look like noise, the same every time
pixels() {
  local i byte bytes=
  for ((i = 0; i < $1; i++)); do
    printf -v byte '\\%03o' $(((i * i * 7 + i * 13 + i / 1440 * 31) % 251))
    bytes=$bytes$byte
  done
  # shellcheck disable=SC2059
  printf "$bytes"
}

# tensor FILE NAME SHAPE VALUES...: one float64 tensor in safetensors; SHAPE such as 2,3
tensor() {
  local file=$1 header
  header="{\"$2\": {\"dtype\": \"F64\", \"shape\": [$3], \"data_offsets\": [0, $((8 * ($# - 3)))]}}"
  while [ $((${#header} % 8)) -ne 0 ]; do header="$header "; done
  shift 3
  {
    printf "\\$(printf %03o $((${#header} & 255)))\\$(printf %03o $((${#header} >> 8)))\000\000\000\000\000\000"
    printf '%s' "$header"
    f8 "$@"
  } >"$file"
}

# le BYTES VALUE: a little-endian whole number
le() {
  local i byte
  for ((i = 0; i < $1; i++)); do
    printf -v byte '\\%03o' $((($2 >> (8 * i)) & 255))
    # shellcheck disable=SC2059
    printf "$byte"
  done
}

# zip_of FILE NAME DATA [NAME DATA ...]: stored members; DATA is a file, or @K for the bytes of member K once more
zip_of() {
  local file=$1 at=() crc=() size=() name=() k=0 i directory=0
  shift
  : >"$file"
  while [ $# -gt 0 ]; do
    name[k]=$1
    case $2 in
      @*) i=${2#@} at[k]=${at[i]} crc[k]=${crc[i]} size[k]=${size[i]} ;;
      *)
        at[k]=$(stat -c %s "$file") size[k]=$(stat -c %s "$2")
        crc[k]=$(gzip -c "$2" | tail -c 8 | head -c 4 | od -An -tu4 | tr -d ' ')
        {
          printf 'PK\003\004' && le 2 20 && le 2 0 && le 2 0 && le 4 2162688 && le 4 "${crc[k]}" && le 4 "${size[k]}"
          le 4 "${size[k]}" && le 2 ${#name[k]} && le 2 0 && printf %s "$1" && cat "$2"
        } >>"$file"
        ;;
    esac
    k=$((k + 1))
    shift 2
  done
  directory=$(stat -c %s "$file")
  for ((i = 0; i < k; i++)); do
    printf 'PK\001\002' && le 2 20 && le 2 20 && le 2 0 && le 2 0 && le 4 2162688 && le 4 "${crc[i]}"
    le 4 "${size[i]}" && le 4 "${size[i]}" && le 2 ${#name[i]} && le 2 0 && le 2 0 && le 2 0 && le 2 0 && le 4 0
    le 4 "${at[i]}" && printf %s "${name[i]}"
  done >>"$file"
  local end
  end=$(stat -c %s "$file")
  {
    printf 'PK\005\006' && le 2 0 && le 2 0 && le 2 $k && le 2 $k && le 4 $((end - directory))
    le 4 "$directory" && le 2 0
  } >>"$file"
}

# safetensors FILE HEADER BYTES: a header as given before so many zeros
safetensors() {
  { le 8 ${#2} && printf %s "$2" && head -c "$3" /dev/zero; } >"$1"
}
