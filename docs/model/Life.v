(* The life of an email, of its hold, of a delivery, and the autonomy of a mailbox: the functions of server/model/{life,hold-life,delivery-life,autonomy}.ts,
   case by case and in the same order. What is proved of them is in Proofs.v; Table.v prints what they answer, and a test holds the TypeScript to that. *)
Require Import List Bool Arith.
Import ListNotations.

(* ---- Who, and holds: hold-life.ts ---- *)

Record who := Who { key : option nat; person : option nat }.

(* As whom they count among those who approve. Ids of keys and of persons are never the same. *)
Inductive voter := Person (n : nat) | Key (n : nat) | Nobody.
Definition voter_of (w : who) : voter :=
  match person w, key w with
  | Some p, _ => Person p
  | None, Some k => Key k
  | None, None => Nobody
  end.
Definition voter_eqb (v w : voter) : bool :=
  match v, w with
  | Person a, Person b => a =? b
  | Key a, Key b => a =? b
  | Nobody, Nobody => true
  | _, _ => false
  end.

Definition both_some (a b : option nat) : bool :=
  match a, b with Some x, Some y => x =? y | _, _ => false end.
Definition is_same (one other : who) : bool := both_some (key one) (key other) || both_some (person one) (person other).
Definition wrote (w : who) (writers : list who) : bool := existsb (fun one => is_same one w) writers.

Inductive hold_state := Open | HApproved | HRejected | HExpired | HCancelled.
Record hold := Hold { hstate : hold_state; hhash : nat; people : nat; yes : list voter; editors : list voter; over : bool }.

Inductive why :=
  | NotPending | HoldExpired | HoldNotExpired | ContentChanged | SelfApproval | SameReviewer
  | NotADraft | NotScheduled | AlreadyApproved | NotUndoable | NotCancellable | NotTheLast | NotInInbox.

Inductive answer (A : Type) := Moved (a : A) | Refused (w : why).
Arguments Moved {A}. Arguments Refused {A}.

Inductive hold_event :=
  | Approve (by_ : who) (h : nat) (plays_both : bool)
  | Reject (by_ : who) (h : nat) (plays_both : bool)
  | Reword (by_ : who) (h : nat) (takes : nat)
  | Expire
  | Withdraw.

Definition with_state (h : hold) (s : hold_state) : hold := Hold s (hhash h) (people h) (yes h) (editors h) (over h).

Definition approved (h : hold) (v : voter) : answer hold :=
  if existsb (voter_eqb v) (yes h) then Refused SameReviewer
  else
    let yes' := yes h ++ [v] in
    Moved (Hold (if length yes' <? people h then Open else HApproved) (hhash h) (people h) yes' (editors h) (over h)).

(* What needs time left comes only while there is some, and running out only when there is none. *)
Definition in_time (h : hold) (e : hold_event) : option why :=
  match e with
  | Approve _ _ _ | Reject _ _ _ | Reword _ _ _ => if over h then Some HoldExpired else None
  | Expire => if over h then None else Some HoldNotExpired
  | Withdraw => None
  end.

Definition may_play_both (h : hold) (plays_both : bool) : bool := plays_both && (people h =? 1).
Definition same_hash (h : nat) (o : option nat) : bool := match o with Some x => h =? x | None => false end.

Definition by_hand (w : who) : bool := match key w with None => true | Some _ => false end.
Definition worded (h : hold) (w : who) : bool := existsb (voter_eqb (voter_of w)) (editors h).
Definition with_editor (h : hold) (w : who) : list voter := if worded h w then editors h else editors h ++ [voter_of w].
Definition own_wording (h : hold) (w : who) : bool := worded h w && negb ((people h =? 1) && by_hand w).

Definition step_open (h : hold) (hash : option nat) (writers : list who) (e : hold_event) : answer hold :=
  match e with
  | Expire => Moved (with_state h HExpired)
  | Withdraw => Moved (with_state h HCancelled)
  | Reword w n k => if wrote w writers then Refused SelfApproval else Moved (Hold Open n (Nat.max (people h) k) [] (with_editor h w) (over h))
  | Reject w n pb =>
      if wrote w writers && negb (may_play_both h pb) then Refused SelfApproval
      else if negb (n =? hhash h) then Refused ContentChanged
      else Moved (with_state h HRejected)
  | Approve w n pb =>
      if wrote w writers && negb (may_play_both h pb) then Refused SelfApproval
      else if negb (n =? hhash h) then Refused ContentChanged
      else if own_wording h w && negb (may_play_both h pb) then Refused SelfApproval
      else if same_hash (hhash h) hash then approved h (voter_of w) else Refused ContentChanged
  end.

Definition step_hold (o : option hold) (hash : option nat) (writers : list who) (e : hold_event) : answer hold :=
  match o with
  | Some h =>
      match hstate h with
      | Open => match in_time h e with Some w => Refused w | None => step_open h hash writers e end
      | _ => Refused NotPending
      end
  | None => Refused NotPending
  end.

Inductive grounds := ByPolicy | ByApproval.
Record release := Release { rhash : nat; rgrounds : grounds }.

Definition is_approved (hash : option nat) (o : option hold) : bool :=
  match o with
  | Some h => match hstate h with HApproved => same_hash (hhash h) hash | _ => false end
  | None => false
  end.

Definition is_backed (r : release) (o : option hold) : bool :=
  match rgrounds r with
  | ByPolicy => true
  | ByApproval =>
      match o with
      | Some h => match hstate h with HApproved => (hhash h =? rhash r) && (people h <=? length (yes h)) | _ => false end
      | None => false
      end
  end.

(* ---- Deliveries: delivery-life.ts ---- *)

Inductive delivery_state := Queued | Delivered | Bounced | DExpired | DCancelled.
Record delivery := Delivery {
  dstate : delivery_state; lease : option nat; lapsed : bool; taken_back : bool; may_be_accepted : bool }.

Inductive attempt_end := Accepted | RefusedByRemote | Deferred | GivenUp | Unreleased.
Inductive delivery_event :=
  | Claim (by_ : nat) (stopped : bool)
  | Lapse
  | Settle (by_ : nat) (e : attempt_end) (may_be : bool)
  | PutBack (by_ : nat)
  | TakeBackOne.
Inductive delivery_why := Ended | Stopped | TakenBack | UnderWay | LeaseLost.
Inductive delivery_answer := DMoved (d : delivery) | DRefused (w : delivery_why).

Definition yields (e : attempt_end) : bool := match e with Accepted | RefusedByRemote => false | _ => true end.
Definition state_after (e : attempt_end) : delivery_state :=
  match e with Accepted => Delivered | RefusedByRemote => Bounced | Deferred => Queued | GivenUp => DExpired | Unreleased => DCancelled end.
Definition after_attempt (e : attempt_end) (tb : bool) : delivery_state := if tb && yields e then DCancelled else state_after e.

Definition has_lease (d : delivery) : bool := match lease d with Some _ => true | None => false end.
Definition under_way (d : delivery) : bool := has_lease d && negb (lapsed d).
Definition is_mine (d : delivery) (l : nat) : bool := match lease d with Some x => x =? l | None => false end.

Definition step_delivery (d : delivery) (e : delivery_event) : delivery_answer :=
  match dstate d with
  | Queued =>
      match e with
      | Claim l stopped =>
          if under_way d then DRefused UnderWay
          else if taken_back d then DRefused TakenBack
          else if stopped then DRefused Stopped
          else DMoved (Delivery Queued (Some l) false (taken_back d) (may_be_accepted d || has_lease d))
      | Lapse =>
          if has_lease d then DMoved (Delivery Queued (lease d) true (taken_back d) (may_be_accepted d)) else DRefused LeaseLost
      | Settle l e m =>
          if is_mine d l then DMoved (Delivery (after_attempt e (taken_back d)) None false (taken_back d) (may_be_accepted d || m))
          else DRefused LeaseLost
      | PutBack l =>
          if is_mine d l then DMoved (Delivery Queued None false (taken_back d) (may_be_accepted d)) else DRefused LeaseLost
      | TakeBackOne =>
          if under_way d then
            if taken_back d then DRefused TakenBack else DMoved (Delivery Queued (lease d) (lapsed d) true (may_be_accepted d))
          else DMoved (Delivery DCancelled None false (taken_back d) (may_be_accepted d || has_lease d))
      end
  | _ => DRefused Ended
  end.

Definition is_cancelled (d : delivery) : bool := match dstate d with DCancelled => true | _ => false end.
Definition taken_back_whole (ds : list delivery) : bool := forallb (fun d => is_cancelled d && negb (may_be_accepted d)) ds.

(* ---- Emails: life.ts ---- *)

Inductive status :=
  | Draft | PendingSend | PendingInbound | Scheduled | Sent | Unread | Read
  | Rejected | Expired | Cancelled | SendFailed | SpamFlagged | SpamQuarantined.

Record life := Life {
  status_of : option status; hash : option nat; writers : list who; waits : bool; hold_of : option hold; release_of : option release }.
Definition unwritten : life := Life None None [] false None None.

Inductive gate := Allow | HoldFor (n : nat).
Inductive due_gate := DueGate (g : gate) | Fail.
Inductive spam := Clean | Flagged | Quarantined | NotAsked.

Inductive event :=
  | EDraft (by_ : who)
  | ESubmit (by_ : who) (h : nat) (g : gate) (later at_its_time : bool)
  | EEdit (by_ : who) (h : nat) (later : bool)
  | EComeDue (g : due_gate)
  | EPostpone
  | EDiscard
  | EHold (e : hold_event)
  | ETakeBack (ds : list delivery)
  | ERefuse (ds : list delivery)
  | EArrive (h : nat) (letter held : bool) (s : spam)
  | ERead
  | EReportSpam
  | EClearSpam
  | EUndo (later : bool).

(* The table `moves`: from which statuses each may happen, and what is said of any other. *)
Definition may (s : option status) (e : event) : bool :=
  match e, s with
  | (EDraft _ | EArrive _ _ _ _), None => true
  | ESubmit _ _ _ _ _, (None | Some Draft) => true
  | (EEdit _ _ _ | EComeDue _ | EPostpone | EUndo _), Some Scheduled => true
  | EDiscard, Some (Draft | Scheduled) => true
  | EHold (Reword _ _ _), Some PendingSend => true
  | EHold (Approve _ _ _ | Reject _ _ _ | Expire | Withdraw), Some (PendingSend | PendingInbound) => true
  | ETakeBack _, Some Sent => true
  | ERefuse _, Some (Sent | Draft | Scheduled | PendingSend) => true
  | ERead, Some Unread => true
  | (EReportSpam | EClearSpam), Some (Unread | Read | SpamFlagged | SpamQuarantined) => true
  | _, _ => false
  end.
Definition otherwise (e : event) : why :=
  match e with
  | EDraft _ | ESubmit _ _ _ _ _ => NotADraft
  | EEdit _ _ _ | EComeDue _ | EPostpone => NotScheduled
  | EHold Withdraw | EDiscard | ETakeBack _ | ERefuse _ => NotCancellable
  | EHold _ => NotPending
  | EArrive _ _ _ _ | ERead | EReportSpam | EClearSpam => NotInInbox
  | EUndo _ => NotUndoable
  end.
Definition why_not (s : option status) (e : event) : why :=
  match s, otherwise e with Some Expired, NotPending => HoldExpired | _, w => w end.

Definition with_status (l : life) (s : status) : life :=
  Life (Some s) (hash l) (writers l) (waits l) (hold_of l) (release_of l).
Definition with_hold (l : life) (h : hold) : life :=
  Life (status_of l) (hash l) (writers l) (waits l) (Some h) (release_of l).
Definition written (l : life) (w : who) (h : nat) (later : bool) : life :=
  Life (status_of l) (Some h) (writers l ++ [w]) later (hold_of l) (release_of l).
Definition with_waits (l : life) (later : bool) : life :=
  Life (status_of l) (hash l) (writers l) later (hold_of l) (release_of l).

Definition held_for (l : life) (n : nat) (s : status) : life :=
  match hash l with
  | Some h => Life (Some s) (hash l) (writers l) (waits l) (Some (Hold Open h n [] [] false)) (release_of l)
  | None => l
  end.
Definition released (l : life) (g : grounds) : life :=
  match hash l with
  | Some h => Life (Some Sent) (hash l) (writers l) (waits l) (hold_of l) (Some (Release h g))
  | None => l
  end.

Definition pass (l : life) : life := if waits l then with_status l Scheduled else released l ByPolicy.
Definition after_gate (l : life) (g : gate) (at_its_time : bool) : life :=
  match g with
  | HoldFor n => if waits l && at_its_time then pass l else held_for l n PendingSend
  | Allow => pass l
  end.

Definition come_due (l : life) (g : due_gate) : answer life :=
  match waits l, hash l with
  | false, Some _ =>
      match g with
      | Fail => Moved (with_status l SendFailed)
      | DueGate g => Moved (if is_approved (hash l) (hold_of l) then released l ByApproval else after_gate l g false)
      end
  | _, _ => Refused NotScheduled
  end.

Definition after_hold (l : life) (a : answer hold) : answer life :=
  match a with
  | Refused w => Refused w
  | Moved h =>
      match hstate h with
      | Open => Moved (Life (status_of l) (Some (hhash h)) (writers l) (waits l) (Some h) (release_of l))
      | HRejected => Moved (with_status (with_hold l h) Rejected)
      | HExpired => Moved (with_status (with_hold l h) Expired)
      | HCancelled => Moved (with_status (with_hold l h) Cancelled)
      | HApproved =>
          match status_of l with
          | Some PendingInbound => Moved (with_status (with_hold l h) Unread)
          | _ => Moved (if waits l then with_status (with_hold l h) Scheduled else released (with_hold l h) ByApproval)
          end
      end
  end.

(* An approval is taken back: the same content is held again, and every approval is needed anew. *)
Definition held_again (l : life) (later : bool) : answer life :=
  match hold_of l with
  | Some h =>
      if is_approved (hash l) (hold_of l)
      then Moved (Life (Some PendingSend) (hash l) (writers l) later (Some (Hold Open (hhash h) (people h) [] (editors h) (over h))) (release_of l))
      else Refused NotUndoable
  | None => Refused NotUndoable
  end.

Definition on_arrival (letter held : bool) (s : spam) : status :=
  if letter then
    if held then PendingInbound
    else match s with Clean | NotAsked => Unread | Flagged => SpamFlagged | Quarantined => SpamQuarantined end
  else Cancelled.

Definition happen (l : life) (e : event) : answer life :=
  match e with
  | EDraft w => Moved (Life (Some Draft) (hash l) [w] (waits l) (hold_of l) (release_of l))
  | ESubmit w h g later its => Moved (after_gate (written l w h later) g its)
  | EEdit w h later =>
      if same_hash h (hash l) then Moved (with_waits l later)
      else if is_approved (hash l) (hold_of l) then Refused AlreadyApproved
      else Moved (written l w h later)
  | EComeDue g => come_due l g
  | EPostpone => Moved l
  | EHold e => after_hold l (step_hold (hold_of l) (hash l) (writers l) e)
  | EDiscard => Moved (with_status l Cancelled)
  | ETakeBack ds => if taken_back_whole ds then Moved (with_status l Cancelled) else Refused NotTheLast
  | ERefuse ds => if forallb is_cancelled ds then Moved (with_status l SendFailed) else Refused NotTheLast
  | EArrive h letter held s =>
      let l' := Life (status_of l) (Some h) (writers l) (waits l) (hold_of l) (release_of l) in
      match on_arrival letter held s with
      | PendingInbound => Moved (held_for l' 1 PendingInbound)
      | other => Moved (with_status l' other)
      end
  | ERead => Moved (with_status l Read)
  | EReportSpam => Moved (with_status l SpamQuarantined)
  | EClearSpam => Moved (match status_of l with Some Read => l | _ => with_status l Unread end)
  | EUndo later => held_again l later
  end.

Definition step (l : life) (e : event) : answer life :=
  if may (status_of l) e then happen l e else Refused (why_not (status_of l) e).

(* ---- Autonomy: autonomy.ts ---- *)

Inductive mode := ReadOnly | GatedAll | GatedSend | GatedNew | Monitored | Autonomous.
Definition rank (m : mode) : nat :=
  match m with ReadOnly => 0 | GatedAll => 1 | GatedSend => 2 | GatedNew => 3 | Monitored => 4 | Autonomous => 5 end.
Definition is_higher (m than : mode) : bool := rank than <? rank m.

Record asked := Asked { from_mode : mode; to_mode : mode; tries : nat; asked_over : bool }.
Record autonomy := Autonomy { mode_of : mode; asked_for : option asked }.
Inductive autonomy_event := SetMode (to : mode) | Ask (to : mode) | Present (fits : bool) | Restore (to : mode).
Inductive autonomy_why := UpgradeNeedsCode | NotAnUpgrade | UpgradeNotFound.
Inductive autonomy_answer := AMoved (a : autonomy) | ARefused (w : autonomy_why).

Definition most_wrong_tries : nat := 5.

Definition presented (m : mode) (a : asked) (fits : bool) : autonomy :=
  if fits then Autonomy (to_mode a) None
  else
    let n := S (tries a) in
    Autonomy m (if n <? most_wrong_tries then Some (Asked (from_mode a) (to_mode a) n (asked_over a)) else None).

Definition step_autonomy (s : autonomy) (e : autonomy_event) : autonomy_answer :=
  match e with
  | SetMode to => if is_higher to (mode_of s) then ARefused UpgradeNeedsCode else AMoved (Autonomy to (asked_for s))
  | Ask to =>
      if is_higher to (mode_of s) then AMoved (Autonomy (mode_of s) (Some (Asked (mode_of s) to 0 false)))
      else ARefused NotAnUpgrade
  | Present fits =>
      match asked_for s with
      | Some a =>
          if asked_over a || negb (rank (from_mode a) =? rank (mode_of s)) then ARefused UpgradeNotFound
          else AMoved (presented (mode_of s) a fits)
      | None => ARefused UpgradeNotFound
      end
  | Restore to =>
      if (rank (mode_of s) =? rank GatedSend) && is_higher to (mode_of s) then AMoved (Autonomy to (asked_for s))
      else ARefused NotAnUpgrade
  end.
