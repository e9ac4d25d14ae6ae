# cmake -DIN=file -DOUT=file.c -DSYMBOL=name -DHEADER=name -P Embed.cmake: a file as a C array.
file(READ ${IN} hex HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
file(WRITE ${OUT} "#include \"${HEADER}.h\"\n\nconst unsigned char ${SYMBOL}[] = {${bytes}};\n"
  "const size_t ${SYMBOL}_len = sizeof ${SYMBOL};\n")
