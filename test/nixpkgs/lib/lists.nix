# Lists and numbers.
{ lib }:

rec {
  min = one: other: if one < other then one else other;

  max = one: other: if one > other then one else other;

  last = list: builtins.elemAt list (builtins.length list - 1);

  take = count: list: builtins.genList (builtins.elemAt list) (min (max count 0) (builtins.length list));

  optional = condition: element: if condition then [ element ] else [ ];

  optionals = condition: list: if condition then list else [ ];

  toList = value: if builtins.isList value then value else [ value ];

  unique = builtins.foldl' (
    seen: element: if builtins.elem element seen then seen else seen ++ [ element ]
  ) [ ];

  subtractLists = without: builtins.filter (element: !builtins.elem element without);

  intersectLists = among: builtins.filter (element: builtins.elem element among);

  imap1 = f: list: builtins.genList (index: f (index + 1) (builtins.elemAt list index)) (builtins.length list);

  reverseList =
    list:
    let
      count = builtins.length list;
    in
    builtins.genList (index: builtins.elemAt list (count - index - 1)) count;
}
