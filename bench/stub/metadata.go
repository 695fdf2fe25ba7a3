package main

import (
	"encoding/json"
	"errors"
)

var errShape = errors.New("no object with metadata.name")

// Metadata finds an object's own metadata without reading it whole: where its fields begin, and its name.
func metadata(text []byte) (at int, name string, err error) {
	depth, key := 0, ""
	for index := 0; index < len(text); index++ {
		switch text[index] {
		case '{', '[':
			depth++
			if depth == 2 && key == "metadata" && text[index] == '{' {
				var fields struct{ Name string }
				if json.NewDecoder(reader(text[index:])).Decode(&fields) != nil || fields.Name == "" {
					return 0, "", errShape
				}
				return index + 1, fields.Name, nil
			}
		case '}', ']':
			depth--
		case '"':
			end := quoted(text, index)
			if end < 0 {
				return 0, "", errShape
			}
			if depth == 1 {
				key = string(text[index+1 : end])
			}
			index = end
		}
	}
	return 0, "", errShape
}

// Quoted answers where the text that begins at a quotation mark ends.
func quoted(text []byte, begin int) int {
	for index := begin + 1; index < len(text); index++ {
		switch text[index] {
		case '\\':
			index++
		case '"':
			return index
		}
	}
	return -1
}
