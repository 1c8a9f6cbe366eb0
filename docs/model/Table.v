(* What the functions of Life.v answer, as lines of text: docs/model/table.txt, made by docs/model/check. test/model/life-table.test.ts reads each line and asks
   the TypeScript the same. *)
Require Import List Bool Arith String Ascii.
Import ListNotations.
Require Import Life.
Open Scope string_scope.

(* ---- Words ---- *)

Definition digit (n : nat) : string := String (ascii_of_nat (48 + n)) EmptyString.
Definition nl : string := String (ascii_of_nat 10) EmptyString.
Definition joined {A : Type} (sep : string) (f : A -> string) (l : list A) : string := String.concat sep (map f l).

Definition t_who (w : who) : string :=
  match key w, person w with
  | Some k, Some p => "k" ++ digit k ++ "p" ++ digit p
  | Some k, None => "k" ++ digit k
  | None, Some p => "p" ++ digit p
  | None, None => "nobody"
  end.
Definition t_voter (v : voter) : string := match v with Person p => "p" ++ digit p | Key k => "k" ++ digit k | Nobody => "nobody" end.
Definition t_list {A : Type} (f : A -> string) (l : list A) : string := match l with [] => "-" | _ => joined "+" f l end.
Definition t_hash (o : option nat) : string := match o with Some n => digit n | None => "-" end.
Definition t_hold_state (s : hold_state) : string :=
  match s with Open => "open" | HApproved => "approved" | HRejected => "rejected" | HExpired => "expired" | HCancelled => "cancelled" end.
Definition t_hold (o : option hold) : string :=
  match o with
  | Some h => t_hold_state (hstate h) ++ "/" ++ digit (hhash h) ++ "/" ++ digit (people h) ++ "/" ++ t_list t_voter (yes h) ++ "/" ++
              t_list t_voter (editors h) ++ "/" ++ (if over h then "over" else "left")
  | None => "-"
  end.
Definition t_release (o : option release) : string :=
  match o with
  | Some r => digit (rhash r) ++ "/" ++ (match rgrounds r with ByPolicy => "policy" | ByApproval => "approval" end)
  | None => "-"
  end.
Definition t_status (s : status) : string :=
  match s with
  | Draft => "draft" | PendingSend => "pending_send_approval" | PendingInbound => "pending_inbound_approval" | Scheduled => "scheduled"
  | Sent => "sent" | Unread => "unread" | Read => "read" | Rejected => "rejected" | Expired => "expired" | Cancelled => "cancelled"
  | SendFailed => "send_failed" | SpamFlagged => "spam_flagged" | SpamQuarantined => "spam_quarantined"
  end.
Definition t_waits (b : bool) : string := if b then "waits" else "now".
Definition t_life (l : life) : string :=
  (match status_of l with Some s => t_status s | None => "-" end) ++ " " ++ t_hash (hash l) ++ " " ++ t_list t_who (writers l) ++ " " ++
  t_waits (waits l) ++ " " ++ t_hold (hold_of l) ++ " " ++ t_release (release_of l).

Definition t_delivery_state (s : delivery_state) : string :=
  match s with Queued => "queued" | Delivered => "delivered" | Bounced => "bounced" | DExpired => "expired" | DCancelled => "cancelled" end.
Definition t_delivery (d : delivery) : string :=
  t_delivery_state (dstate d) ++ "/" ++ t_hash (lease d) ++ "/" ++ (if lapsed d then "lapsed" else "kept") ++ "/" ++
  (if taken_back d then "taken_back" else "wanted") ++ "/" ++ (if may_be_accepted d then "maybe" else "no").

Definition t_gate (g : gate) : string := match g with Allow => "allow" | HoldFor n => "hold" ++ digit n end.
Definition t_bool (yes_ no_ : string) (b : bool) : string := if b then yes_ else no_.
Definition t_spam (s : spam) : string :=
  match s with Clean => "clean" | Flagged => "flagged" | Quarantined => "quarantined" | NotAsked => "-" end.
Definition t_hold_event (e : hold_event) : string :=
  match e with
  | Approve w h pb => "approve:" ++ t_who w ++ ":" ++ digit h ++ ":" ++ t_bool "both" "one" pb
  | Reject w h pb => "reject:" ++ t_who w ++ ":" ++ digit h ++ ":" ++ t_bool "both" "one" pb
  | Reword w h n => "reword:" ++ t_who w ++ ":" ++ digit h ++ ":" ++ digit n
  | Expire => "expire"
  | Withdraw => "withdraw"
  end.
Definition t_event (e : event) : string :=
  match e with
  | EDraft w => "draft:" ++ t_who w
  | ESubmit w h g later its => "submit:" ++ t_who w ++ ":" ++ digit h ++ ":" ++ t_gate g ++ ":" ++ t_waits later ++ ":" ++ t_bool "at_its_time" "first" its
  | EEdit w h later => "edit:" ++ t_who w ++ ":" ++ digit h ++ ":" ++ t_waits later
  | EComeDue (DueGate g) => "come_due:" ++ t_gate g
  | EComeDue Fail => "come_due:fail"
  | EPostpone => "postpone"
  | EDiscard => "discard"
  | EHold e => t_hold_event e
  | ETakeBack ds => "take_back:" ++ t_list t_delivery ds
  | ERefuse ds => "refuse:" ++ t_list t_delivery ds
  | EArrive h letter held s => "arrive:" ++ digit h ++ ":" ++ t_bool "letter" "report" letter ++ ":" ++ t_bool "held" "let_in" held ++ ":" ++ t_spam s
  | ERead => "read"
  | EReportSpam => "report_spam"
  | EClearSpam => "clear_spam"
  | EUndo later => "undo:" ++ t_waits later
  end.
Definition t_why (w : why) : string :=
  match w with
  | NotPending => "NOT_PENDING" | HoldExpired => "HOLD_EXPIRED" | HoldNotExpired => "HOLD_NOT_EXPIRED" | ContentChanged => "CONTENT_CHANGED"
  | SelfApproval => "SELF_APPROVAL" | SameReviewer => "SAME_REVIEWER" | NotADraft => "NOT_A_DRAFT" | NotScheduled => "NOT_SCHEDULED"
  | AlreadyApproved => "ALREADY_APPROVED" | NotUndoable => "NOT_UNDOABLE" | NotCancellable => "NOT_CANCELLABLE" | NotTheLast => "NOT_THE_LAST" | NotInInbox => "NOT_IN_INBOX"
  end.

Definition t_delivery_event (e : delivery_event) : string :=
  match e with
  | Claim l stopped => "claim:" ++ digit l ++ ":" ++ t_bool "stopped" "free" stopped
  | Lapse => "lapse"
  | Settle l o m =>
      "settle:" ++ digit l ++ ":" ++
      (match o with Accepted => "accepted" | RefusedByRemote => "refused" | Deferred => "deferred" | GivenUp => "given_up" | Unreleased => "unreleased" end)
      ++ ":" ++ t_bool "maybe" "no" m
  | PutBack l => "put_back:" ++ digit l
  | TakeBackOne => "take_back"
  end.
Definition t_delivery_why (w : delivery_why) : string :=
  match w with Ended => "ENDED" | Stopped => "STOPPED" | TakenBack => "TAKEN_BACK" | UnderWay => "UNDER_WAY" | LeaseLost => "LEASE_LOST" end.

Definition t_mode (m : mode) : string :=
  match m with
  | ReadOnly => "read_only" | GatedAll => "gated_all" | GatedSend => "gated_send" | GatedNew => "gated_new" | Monitored => "monitored"
  | Autonomous => "autonomous"
  end.
Definition t_autonomy (s : autonomy) : string :=
  t_mode (mode_of s) ++ " " ++
  match asked_for s with
  | Some a => t_mode (from_mode a) ++ "/" ++ t_mode (to_mode a) ++ "/" ++ digit (tries a) ++ "/" ++ t_bool "over" "left" (asked_over a)
  | None => "-"
  end.
Definition t_autonomy_event (e : autonomy_event) : string :=
  match e with
  | SetMode m => "set:" ++ t_mode m | Ask m => "ask:" ++ t_mode m | Restore m => "restore:" ++ t_mode m
  | Present fits => "present:" ++ t_bool "fits" "wrong" fits
  end.
Definition t_autonomy_why (w : autonomy_why) : string :=
  match w with UpgradeNeedsCode => "UPGRADE_NEEDS_CODE" | NotAnUpgrade => "NOT_AN_UPGRADE" | UpgradeNotFound => "UPGRADE_NOT_FOUND" end.

(* ---- What is asked ---- *)

Definition bools : list bool := [false; true].
Definition all {A B : Type} (l : list A) (f : A -> list B) : list B := flat_map f l.

(* The agent, whose key 1 is person 9's; another key of the same person; a reviewer's key; a reviewer who signs in. *)
Definition agent := Who (Some 1) (Some 9).
Definition same_person := Who (Some 4) (Some 9).
Definition by_key := Who (Some 2) None.
Definition signed_in := Who None (Some 3).
Definition deciders := [agent; same_person; by_key; signed_in].

Definition open_holds : list hold :=
  all [1; 2] (fun h => all [1; 2] (fun n => all [[]; [Key 2]] (fun ys => map (fun o => Hold Open h n ys [] o) bools))) ++
  all [1; 2] (fun n => map (fun eds => Hold Open 1 n [] eds false) [[Key 2]; [Person 3]; [Person 9; Key 2]]).
Definition ended_holds : list hold :=
  [Hold HApproved 1 1 [Key 2] [] false; Hold HApproved 2 1 [Key 2] [] false; Hold HRejected 1 1 [] [] false; Hold HExpired 1 1 [] [] true; Hold HCancelled 1 2 [Key 2] [] false].
Definition holds : list (option hold) := None :: map Some (open_holds ++ ended_holds).

Definition plain (s : status) : life := Life (Some s) (Some 1) [agent] false None None.
Definition lives : list life :=
  [unwritten; Life (Some Draft) None [agent] false None None] ++
  map plain [Draft; Unread; Read; Rejected; Expired; Cancelled; SendFailed; SpamFlagged; SpamQuarantined] ++
  [Life (Some Sent) (Some 1) [agent] false None (Some (Release 1 ByPolicy));
   Life (Some Sent) (Some 1) [agent] false (Some (Hold HApproved 1 1 [Key 2] [] false)) (Some (Release 1 ByApproval))] ++
  all bools (fun w => map (fun h => Life (Some Scheduled) (Some 1) [agent] w h None) (None :: map Some ended_holds)) ++
  map (fun h => Life (Some PendingSend) (Some 1) [agent] false h None) holds ++
  map (fun h => Life (Some PendingSend) (Some 1) [agent] true (Some h) None) (filter (fun h => Nat.eqb (hhash h) 1 && negb (over h)) open_holds) ++
  map (fun h => Life (Some PendingInbound) (Some 1) [] false h None) holds.

Definition deliveries : list (list delivery) :=
  let cancelled := Delivery DCancelled None false false false in
  [[cancelled]; [cancelled; Delivery DCancelled None false false true]; [cancelled; Delivery Queued None false false false];
   [cancelled; Delivery Delivered None false false false]].

Definition events : list event :=
  [EDraft agent] ++
  all [Allow; HoldFor 1; HoldFor 2] (fun g => all bools (fun w => map (fun its => ESubmit agent 2 g w its) bools)) ++
  all [1; 2] (fun h => map (fun w => EEdit same_person h w) bools) ++
  [EComeDue (DueGate Allow); EComeDue (DueGate (HoldFor 1)); EComeDue (DueGate (HoldFor 2)); EComeDue Fail; EPostpone; EDiscard] ++
  all deciders (fun w => all [1; 2] (fun h => all bools (fun pb => [EHold (Approve w h pb); EHold (Reject w h pb)]))) ++
  all deciders (fun w => map (fun n => EHold (Reword w 3 n)) [1; 2]) ++
  [EHold Expire; EHold Withdraw] ++
  all deliveries (fun ds => [ETakeBack ds; ERefuse ds]) ++
  all bools (fun letter => all bools (fun held => map (fun s => EArrive 2 letter held s) [Clean; Flagged; Quarantined; NotAsked])) ++
  [ERead; EReportSpam; EClearSpam] ++ map EUndo bools.

Definition delivery_states : list delivery :=
  all [Queued; Delivered; Bounced; DExpired; DCancelled] (fun s =>
    all [(None, false); (Some 1, false); (Some 1, true)] (fun l => all bools (fun tb => map (fun m => Delivery s (fst l) (snd l) tb m) bools))).
Definition delivery_events : list delivery_event :=
  map (Claim 2) bools ++ [Lapse; TakeBackOne; PutBack 1; PutBack 2] ++
  all [1; 2] (fun l => all [Accepted; RefusedByRemote; Deferred; GivenUp; Unreleased] (fun o => map (Settle l o) bools)).

Definition modes : list mode := [ReadOnly; GatedAll; GatedSend; GatedNew; Monitored; Autonomous].
Definition autonomies : list autonomy :=
  all modes (fun m => Autonomy m None ::
    all [0; 4] (fun n => map (fun o => Autonomy m (Some (Asked GatedSend Monitored n o))) bools)).
Definition autonomy_events : list autonomy_event :=
  map SetMode modes ++ map Ask modes ++ map Restore modes ++ map Present bools.

(* ---- Lines: what is, then what each event makes of it; what is refused stands together, by why ---- *)

Definition moves_of {E A W : Type} (tr : E -> string) (to : E -> A + W) (ta : A -> string) (es : list E) : string :=
  String.concat "" (map (fun e => match to e with inl a => "  " ++ tr e ++ " -> " ++ ta a ++ nl | inr _ => "" end) es).
Definition refused_of {E A W : Type} (tr : E -> string) (to : E -> A + W) (tw : W -> string) (w : string) (es : list E) : string :=
  let some := filter (fun e => match to e with inr x => String.eqb (tw x) w | inl _ => false end) es in
  match some with [] => "" | _ => "  " ++ w ++ " " ++ joined " " tr some ++ nl end.
Definition block {S E A W : Type} (name : string) (ts : S -> string) (tr : E -> string) (to : S -> E -> A + W) (ta : A -> string) (tw : W -> string)
  (ws : list W) (es : list E) (s : S) : string :=
  name ++ " " ++ ts s ++ nl ++ moves_of tr (to s) ta es ++ String.concat "" (map (fun w => refused_of tr (to s) tw (tw w) es) ws).

Definition whys := [NotPending; HoldExpired; HoldNotExpired; ContentChanged; SelfApproval; SameReviewer; NotADraft; NotScheduled; AlreadyApproved;
  NotUndoable; NotCancellable; NotTheLast; NotInInbox].
Definition life_block := block "email" t_life t_event
  (fun l e => match step l e with Moved a => inl a | Refused w => inr w end) t_life t_why whys events.
Definition delivery_block := block "delivery" t_delivery t_delivery_event
  (fun d e => match step_delivery d e with DMoved a => inl a | DRefused w => inr w end) t_delivery t_delivery_why
  [Ended; Stopped; TakenBack; UnderWay; LeaseLost] delivery_events.
Definition autonomy_block := block "autonomy" t_autonomy t_autonomy_event
  (fun s e => match step_autonomy s e with AMoved a => inl a | ARefused w => inr w end) t_autonomy t_autonomy_why
  [UpgradeNeedsCode; NotAnUpgrade; UpgradeNotFound] autonomy_events.

Definition table : list string := map life_block lives ++ map delivery_block delivery_states ++ map autonomy_block autonomies.

(* For printing only: what is proved is proved of the functions themselves. *)
Require Extraction.
Require Import ExtrOcamlBasic ExtrOcamlString.
Extraction "table.ml" table.
