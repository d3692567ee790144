# Lists and numbers.
{ lib }:

let
  inherit (builtins)
    elem
    elemAt
    filter
    genList
    isList
    length
    ;
in
rec {
  min = one: other: if one < other then one else other;

  last = list: elemAt list (length list - 1);

  optional = condition: element: if condition then [ element ] else [ ];

  optionals = condition: list: if condition then list else [ ];

  toList = value: if isList value then value else [ value ];

  flatten = value: if isList value then builtins.concatMap flatten value else [ value ];

  unique = builtins.foldl' (
    seen: element: if elem element seen then seen else seen ++ [ element ]
  ) [ ];

  subtractLists = without: filter (element: !elem element without);

  intersectLists = among: filter (element: elem element among);

  imap1 = f: list: genList (index: f (index + 1) (elemAt list index)) (length list);

  reverseList =
    list:
    let
      count = length list;
    in
    genList (index: elemAt list (count - index - 1)) count;
}
