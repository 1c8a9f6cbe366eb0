(* What is proved of Life.v. Each theorem is said in words above it; README.md says what they leave open. *)
Require Import List Bool Arith Lia.
Import ListNotations.
Require Import Life.

(* ---- What can happen ---- *)

(* Deciders are somebody, and outside of the test world no key plays both parts (server/oversight/authority.ts). *)
Definition fits (test_world : bool) (e : event) : Prop :=
  match e with
  | EHold (Approve w _ pb) | EHold (Reject w _ pb) => voter_of w <> Nobody /\ (test_world = false -> pb = false)
  | _ => True
  end.

(* The clock goes on, or is set: what was early may be late, and the other way round. *)
Definition at_another_time (l : life) (later is_over : bool) : life :=
  Life (status_of l) (hash l) (writers l) later
    (option_map (fun h => Hold (hstate h) (hhash h) (people h) (yes h) (editors h) is_over) (hold_of l)) (release_of l).

Definition same_content (a b : option nat) : bool :=
  match a, b with Some x, Some y => x =? y | None, None => true | _, _ => false end.

(* Who approved what since the content was last changed, or an approval of it taken back. *)
Definition recent_after (l l' : life) (e : event) (recent : list (voter * nat)) : list (voter * nat) :=
  if same_content (hash l) (hash l') then
    match e with EHold (Approve w h _) => (voter_of w, h) :: recent | EUndo _ => [] | _ => recent end
  else [].

(* `run t tr recent l`: after the events `tr`, the last first, with any refused ones and any time in between, an email is `l`. *)
Inductive run (test_world : bool) : list event -> list (voter * nat) -> life -> Prop :=
  | run_begins : run test_world [] [] unwritten
  | run_goes_on : forall tr recent l e l',
      run test_world tr recent l -> fits test_world e -> step l e = Moved l' ->
      run test_world (e :: tr) (recent_after l l' e recent) l'
  | run_waits : forall tr recent l later is_over,
      run test_world tr recent l -> run test_world tr recent (at_another_time l later is_over).

(* ---- What is true of every email at every moment ---- *)

(* This voter is this writer, or the person behind them. *)
Definition speaks_for (w : who) (v : voter) : Prop :=
  match v with Person p => person w = Some p | Key k => key w = Some k | Nobody => False end.

Definition before_release (o : option status) : bool :=
  match o with Some Sent | Some Cancelled | Some SendFailed => false | _ => true end.

Record sound (test_world : bool) (tr : list event) (recent : list (voter * nat)) (l : life) : Prop := {
  s_release : forall r, release_of l = Some r -> hash l = Some (rhash r) /\ is_backed r (hold_of l) = true;
  s_sent : status_of l = Some Sent -> release_of l <> None;
  s_before : before_release (status_of l) = true -> release_of l = None;
  s_new : status_of l = None \/ status_of l = Some Draft -> hold_of l = None;
  s_hash : forall h, hold_of l = Some h -> hash l = Some (hhash h);
  s_scheduled : forall h, status_of l = Some Scheduled -> hold_of l = Some h -> hstate h = HApproved;
  s_enough : forall h, hold_of l = Some h -> hstate h = HApproved -> people h <= length (yes h);
  s_distinct : forall h, hold_of l = Some h -> NoDup (yes h);
  s_named : forall h v, hold_of l = Some h -> In v (yes h) -> In (v, hhash h) recent;
  s_others : test_world = false -> forall h v w, hold_of l = Some h -> In v (yes h) -> In w (writers l) -> ~ speaks_for w v;
  s_policy : forall r, release_of l = Some r -> rgrounds r = ByPolicy ->
    (exists w later its, In (ESubmit w (rhash r) Allow later its) tr) \/ In (EComeDue (DueGate Allow)) tr
}.

Lemma voter_eqb_true : forall a b, voter_eqb a b = true <-> a = b.
Proof.
  intros [a|a|] [b|b|]; simpl; split; intro H; try discriminate; try reflexivity;
    try (apply Nat.eqb_eq in H; subst; reflexivity); try (inversion H; apply Nat.eqb_refl).
Qed.

Lemma same_hash_true : forall h o, same_hash h o = true <-> o = Some h.
Proof.
  intros h [x|]; simpl; split; intro H; try discriminate.
  - apply Nat.eqb_eq in H; subst; reflexivity.
  - inversion H; apply Nat.eqb_refl.
Qed.

Lemma wrote_false : forall w ws x, wrote w ws = false -> In x ws -> is_same x w = false.
Proof.
  intros w ws x; induction ws as [|y ys IH]; simpl; intros H I; [contradiction|].
  apply orb_false_iff in H as [H1 H2]. destruct I as [->|I]; auto.
Qed.

Lemma not_same_not_for : forall x w, is_same x w = false -> voter_of w <> Nobody -> ~ speaks_for x (voter_of w).
Proof.
  intros [xk xp] [wk wp] H N. unfold is_same in H; simpl in H. apply orb_false_iff in H as [H1 H2].
  unfold voter_of; simpl. destruct wp as [p|].
  - simpl. intro E. simpl in *. subst. simpl in H2. rewrite Nat.eqb_refl in H2. discriminate.
  - destruct wk as [k|]; simpl; [|tauto]. intro E. simpl in *. subst. simpl in H1. rewrite Nat.eqb_refl in H1. discriminate.
Qed.

Lemma existsb_voter : forall v l, existsb (voter_eqb v) l = false -> ~ In v l.
Proof.
  intros v l; induction l as [|x xs IH]; simpl; intros H; [tauto|].
  apply orb_false_iff in H as [H1 H2]. intros [->|I]; [|exact (IH H2 I)].
  assert (voter_eqb v v = true) by (apply voter_eqb_true; reflexivity). congruence.
Qed.

Lemma nodup_snoc : forall (l : list voter) v, NoDup l -> ~ In v l -> NoDup (l ++ [v]).
Proof.
  induction l as [|x xs IH]; simpl; intros v N I; [constructor; [simpl; tauto|constructor]|].
  inversion N; subst. constructor.
  - rewrite in_app_iff. simpl. intros [?|[?|[]]]; [contradiction|subst; tauto].
  - apply IH; tauto.
Qed.

Lemma same_content_refl : forall a, same_content a a = true.
Proof. intros [a|]; simpl; [apply Nat.eqb_refl|reflexivity]. Qed.

(* What a yes does to a hold. *)
Lemma approved_moves : forall h v h',
  approved h v = Moved h' ->
  ~ In v (yes h) /\ yes h' = yes h ++ [v] /\ hhash h' = hhash h /\ people h' = people h /\
  (hstate h' = HApproved -> people h <= length (yes h')) /\ (hstate h' = Open \/ hstate h' = HApproved).
Proof.
  unfold approved. intros h v h' H.
  destruct (existsb (voter_eqb v) (yes h)) eqn:E; [discriminate|].
  apply existsb_voter in E. inversion H; subst; clear H; simpl.
  repeat split; auto.
  - destruct (length (yes h ++ [v]) <? people h) eqn:L; intro; [discriminate|]. apply Nat.ltb_ge in L. exact L.
  - destruct (length (yes h ++ [v]) <? people h); auto.
Qed.

(* Whatever moves a hold: it was open, and what its list of approvals can have become. *)
Lemma step_hold_moves : forall o hs ws e h',
  step_hold o hs ws e = Moved h' ->
  exists h, o = Some h /\ hstate h = Open /\
  match e with
  | Approve w n pb =>
      ~ In (voter_of w) (yes h) /\ yes h' = yes h ++ [voter_of w] /\ n = hhash h /\ hhash h' = hhash h /\ hs = Some (hhash h) /\
      over h = false /\ (wrote w ws = false \/ pb = true) /\
      (hstate h' = HApproved -> people h' <= length (yes h')) /\ (hstate h' = Open \/ hstate h' = HApproved)
  | Reword w n k => yes h' = [] /\ hhash h' = n /\ hstate h' = Open /\ wrote w ws = false /\ over h = false
  | Reject w n pb => h' = with_state h HRejected /\ n = hhash h /\ (wrote w ws = false \/ pb = true) /\ over h = false
  | Expire => h' = with_state h HExpired /\ over h = true
  | Withdraw => h' = with_state h HCancelled
  end.
Proof.
  intros [h|] hs ws e h' H; simpl in H; [|discriminate].
  exists h. destruct (hstate h) eqn:S; try discriminate. split; [reflexivity|]. split; [reflexivity|].
  destruct e as [w n pb|w n pb|w n k| |]; simpl in H.
  - destruct (over h) eqn:O; [discriminate|].
    destruct (wrote w ws && negb (may_play_both h pb)) eqn:W; [discriminate|].
    destruct (negb (n =? hhash h)) eqn:N; [discriminate|].
    destruct (own_wording h w && negb (may_play_both h pb)); [discriminate|].
    destruct (same_hash (hhash h) hs) eqn:SH; [|discriminate].
    apply approved_moves in H as (A & B & C & D & E & F).
    apply negb_false_iff, Nat.eqb_eq in N. apply same_hash_true in SH.
    repeat split; auto.
    + apply andb_false_iff in W as [W|W]; [left; exact W|right]. apply negb_false_iff in W.
      unfold may_play_both in W. apply andb_true_iff in W as [W _]. exact W.
    + rewrite D. exact E.
  - destruct (over h) eqn:O; [discriminate|].
    destruct (wrote w ws && negb (may_play_both h pb)) eqn:W; [discriminate|].
    destruct (negb (n =? hhash h)) eqn:N; [discriminate|].
    inversion H; subst. apply negb_false_iff, Nat.eqb_eq in N. repeat split; auto.
    apply andb_false_iff in W as [W|W]; [left; exact W|right]. apply negb_false_iff in W.
    unfold may_play_both in W. apply andb_true_iff in W as [W _]. exact W.
  - destruct (over h) eqn:O; [discriminate|]. destruct (wrote w ws) eqn:W; [discriminate|].
    inversion H; subst; simpl. repeat split; auto.
  - destruct (over h) eqn:O; [|discriminate]. inversion H; subst. auto.
  - inversion H; subst. auto.
Qed.

(* ---- It stays true ---- *)

Lemma sound_begins : forall t, sound t [] [] unwritten.
Proof. intro t. constructor; simpl; intros; try discriminate; try congruence; auto. Qed.

Ltac inj := repeat match goal with
  | H : Some _ = Some _ |- _ => injection H as H; try subst
  | H : Some _ = None |- _ => discriminate H
  | H : None = Some _ |- _ => discriminate H
  end.

Lemma sound_at_another_time : forall t tr recent l later is_over,
  sound t tr recent l -> sound t tr recent (at_another_time l later is_over).
Proof.
  intros t tr recent [s hs ws w [h|] r] later is_over [A B C D E F G H I J K]; unfold at_another_time; simpl in *;
    constructor; simpl; intros; inj; simpl in *; eauto.
  - exact (A _ H0).
  - specialize (D H0). discriminate.
Qed.

(* Only the status changes. *)
Lemma sound_status : forall t tr recent l s e,
  sound t tr recent l ->
  (before_release (Some s) = true -> release_of l = None) -> (s = Sent -> release_of l <> None) ->
  s <> Draft -> s <> Scheduled ->
  sound t (e :: tr) recent (with_status l s).
Proof.
  intros t tr recent l s e [A B C D E F G H I J K] Hb Hs Hd Hc. constructor; simpl; intros; auto.
  - apply Hs. congruence.
  - destruct H0; congruence.
  - congruence.
  - apply (J H0 h); auto.
  - destruct (K _ H0 H1) as [(w & l1 & i & X)|X]; [left; exists w, l1, i|right]; auto.
Qed.

Lemma sound_longer : forall t tr recent l e, sound t tr recent l -> sound t (e :: tr) recent l.
Proof.
  intros t tr recent l e [A B C D E F G H I J K]. constructor; auto. simpl. intros r R P.
  destruct (K _ R P) as [(w & l1 & i & X)|X]; [left; exists w, l1, i|right]; auto.
Qed.

(* It is released for what it says now. *)
Lemma sound_released : forall t tr recent l g e,
  sound t tr recent l ->
  (forall x, hash l = Some x -> is_backed (Release x g) (hold_of l) = true) ->
  (g = ByPolicy -> forall x, hash l = Some x ->
    (exists w later its, In (ESubmit w x Allow later its) (e :: tr)) \/ In (EComeDue (DueGate Allow)) (e :: tr)) ->
  hash l <> None ->
  sound t (e :: tr) recent (released l g).
Proof.
  intros t tr recent l g e [A B C D E F G H I J K] Hb Hp Hn. unfold released.
  destruct (hash l) as [x|] eqn:X; [|congruence].
  constructor; simpl; intros; inj; simpl in *; try solve [eauto]; try (destruct H0; discriminate); try discriminate.
Qed.

(* It waits for a decision from now on. *)
Lemma sound_held : forall t tr recent l n s e,
  sound t tr recent l -> release_of l = None -> s <> Draft -> s <> Scheduled -> s <> Sent -> hash l <> None ->
  sound t (e :: tr) recent (held_for l n s).
Proof.
  intros t tr recent l n s e [A B C D E F G H I J K] Hr Hd Hc Hs Hn. unfold held_for.
  destruct (hash l) as [x|] eqn:X; [|congruence]. constructor; simpl; intros; auto; try congruence.
  - destruct H0; congruence.
  - inversion H0; subst; reflexivity.
  - inversion H0; subst; simpl in *. discriminate.
  - inversion H0; subst; simpl. constructor.
  - inversion H0; subst; simpl in *. contradiction.
  - inversion H1; subst; simpl in *. contradiction.
Qed.

(* It is written, or written anew, while no hold is there; what was approved before is forgotten. *)
Lemma sound_written : forall t tr recent recent' l w h later e,
  sound t tr recent l -> hold_of l = None -> release_of l = None -> status_of l <> Some Sent ->
  sound t (e :: tr) recent' (written l w h later).
Proof.
  intros t tr recent recent' l w h later e [A B C D E F G H I J K] Hh Hr Hs. constructor; simpl; intros; auto; try congruence.
Qed.

Lemma with_waits_is : forall l later o, hold_of l = o ->
  sound false [] [] unwritten -> with_waits l later = Life (status_of l) (hash l) (writers l) later o (release_of l).
Proof. intros l later o E _. unfold with_waits. rewrite E. reflexivity. Qed.

Lemma sound_with_waits : forall t tr recent l later, sound t tr recent l -> sound t tr recent (with_waits l later).
Proof. intros t tr recent l later [A B C D E F G H I J K]. constructor; simpl; auto. Qed.

Lemma sound_pass : forall t tr recent l e,
  sound t tr recent l -> hold_of l = None -> release_of l = None -> hash l <> None ->
  (waits l = false -> forall x, hash l = Some x ->
    (exists w later its, In (ESubmit w x Allow later its) (e :: tr)) \/ In (EComeDue (DueGate Allow)) (e :: tr)) ->
  sound t (e :: tr) recent (pass l).
Proof.
  intros t tr recent l e S Hh Hr Hn Hp. unfold pass. destruct (waits l).
  - destruct S as [A B C D E F G H I J K]. constructor; simpl; intros; auto; try congruence.
  - apply sound_released; auto.
Qed.

Lemma sound_gate : forall t tr recent l g its e,
  sound t tr recent l -> hold_of l = None -> release_of l = None -> hash l <> None ->
  (g = Allow -> waits l = false -> forall x, hash l = Some x ->
    (exists w later its, In (ESubmit w x Allow later its) (e :: tr)) \/ In (EComeDue (DueGate Allow)) (e :: tr)) ->
  sound t (e :: tr) recent (after_gate l g its).
Proof.
  intros t tr recent l [|n] its e S Hh Hr Hn Hp; simpl.
  - apply sound_pass; auto.
  - destruct (waits l) eqn:W; simpl.
    + destruct its; [|apply sound_held; auto; discriminate]. apply sound_pass; auto. congruence.
    + apply sound_held; auto; discriminate.
Qed.

Lemma recent_same : forall l l' e recent,
  hash l = hash l' -> (match e with EHold (Approve _ _ _) | EUndo _ => False | _ => True end) -> recent_after l l' e recent = recent.
Proof.
  intros l l' e recent E N. unfold recent_after. rewrite E, same_content_refl. destruct e as [| | | | | |[]| | | | | | |]; simpl in N; tauto.
Qed.

Lemma hash_held : forall l n s, hash (held_for l n s) = hash l.
Proof. intros l n s. unfold held_for. destruct (hash l) eqn:E; simpl; auto. Qed.
Lemma hash_released : forall l g, hash (released l g) = hash l.
Proof. intros l g. unfold released. destruct (hash l) eqn:E; simpl; auto. Qed.
Lemma hash_gate : forall l g its, hash (after_gate l g its) = hash l.
Proof.
  intros l [|n] its; simpl; unfold pass; destruct (waits l); simpl; auto using hash_released, hash_held.
  destruct its; simpl; auto using hash_released, hash_held.
Qed.

Lemma recent_keeps : forall l l' e recent v n,
  hash l = hash l' -> (match e with EUndo _ => False | _ => True end) -> In (v, n) recent -> In (v, n) (recent_after l l' e recent).
Proof.
  intros l l' e recent v n E N I. unfold recent_after. rewrite E, same_content_refl.
  destruct e as [| | | | | |[]| | | | | | |]; simpl in *; tauto.
Qed.

Lemma sound_recent : forall t tr recent recent' l,
  sound t tr recent l -> (forall x, In x recent -> In x recent') -> sound t tr recent' l.
Proof. intros t tr recent recent' l [A B C D E F G H I J K] S. constructor; eauto. Qed.

Lemma scheduled_without : forall t tr recent l,
  sound t tr recent l -> status_of l = Some Scheduled -> is_approved (hash l) (hold_of l) = false -> hold_of l = None.
Proof.
  intros t tr recent l S Hs Ha. destruct (hold_of l) as [h|] eqn:Hh; [|reflexivity].
  pose proof (s_scheduled _ _ _ _ S h Hs Hh) as X. pose proof (s_hash _ _ _ _ S h Hh) as Y.
  unfold is_approved in Ha. rewrite X in Ha. rewrite Y in Ha. simpl in Ha. rewrite Nat.eqb_refl in Ha. discriminate.
Qed.

Lemma approved_backs : forall t tr recent l x,
  sound t tr recent l -> is_approved (hash l) (hold_of l) = true -> hash l = Some x ->
  is_backed (Release x ByApproval) (hold_of l) = true.
Proof.
  intros t tr recent l x S Ha Hx. unfold is_approved in Ha. unfold is_backed; simpl.
  destruct (hold_of l) as [h|] eqn:Hh; [|discriminate]. destruct (hstate h) eqn:Hst; try discriminate.
  apply same_hash_true in Ha. rewrite Hx in Ha. inversion Ha; subst. rewrite Nat.eqb_refl. simpl.
  apply Nat.leb_le. apply (s_enough _ _ _ _ S h Hh Hst).
Qed.

(* A hold's own move, and what becomes of the email by it. *)
Lemma sound_after_hold : forall t tr recent l e l',
  sound t tr recent l -> fits t (EHold e) ->
  may (status_of l) (EHold e) = true ->
  after_hold l (step_hold (hold_of l) (hash l) (writers l) e) = Moved l' ->
  sound t (EHold e :: tr) (recent_after l l' (EHold e) recent) l'.
Proof.
  intros t tr recent l e l' S Hf Hm Ha.
  destruct (step_hold (hold_of l) (hash l) (writers l) e) as [h'|w] eqn:Hs; [|discriminate].
  apply step_hold_moves in Hs as (h & Hh & Ho & Hc).
  assert (Hp : status_of l = Some PendingSend \/ status_of l = Some PendingInbound)
    by (destruct (status_of l) as [[]|]; simpl in Hm; destruct e; try discriminate; auto).
  assert (Hr : release_of l = None) by (apply (s_before _ _ _ _ S); destruct Hp as [->| ->]; reflexivity).
  pose proof (s_hash _ _ _ _ S h Hh) as Hx. pose proof (s_named _ _ _ _ S h) as Hn. pose proof (s_others _ _ _ _ S) as Hj.
  pose proof (s_distinct _ _ _ _ S h Hh) as Hd.
  destruct e as [w n pb|w n pb|w n k| |]; simpl in Ha.
  - (* Approve *)
    destruct Hc as (Hnin & Hyes & Hnh & Hhh & Hhash & Hov & Hwr & Hen & Hst). subst n.
    simpl in Hf. destruct Hf as [Hsome Hpb].
    assert (Hnew : forall l'', hash l'' = hash l -> writers l'' = writers l -> hold_of l'' = Some h' ->
      (forall hd, hold_of l'' = Some hd -> NoDup (yes hd)) /\
      (forall hd v, hold_of l'' = Some hd -> In v (yes hd) -> In (v, hhash hd) (recent_after l l'' (EHold (Approve w (hhash h) pb)) recent)) /\
      (t = false -> forall hd v x, hold_of l'' = Some hd -> In v (yes hd) -> In x (writers l'') -> ~ speaks_for x v)).
    { intros l'' E1 E2 E3. split; [|split].
      - intros hd X. rewrite E3 in X. inj. rewrite Hyes. apply nodup_snoc; auto.
      - intros hd v X Y. rewrite E3 in X. inj. rewrite Hyes in Y. unfold recent_after. rewrite E1, same_content_refl.
        rewrite Hhh. apply in_app_iff in Y as [Y|[Y|[]]]; [right; apply Hn; auto|left; rewrite Y; reflexivity].
      - intros T hd v x X Y Z. rewrite E3 in X. inj. rewrite Hyes in Y. rewrite E2 in Z.
        apply in_app_iff in Y as [Y|[Y|[]]]; [eapply Hj; eauto|subst v].
        destruct Hwr as [Hwr|Hwr]; [|rewrite (Hpb eq_refl) in Hwr; discriminate].
        apply not_same_not_for; auto. eapply wrote_false; eauto. }
    destruct Hst as [Hst|Hst]; rewrite Hst in Ha.
    + inversion Ha; subst l'; clear Ha.
      destruct (Hnew (Life (status_of l) (Some (hhash h')) (writers l) (waits l) (Some h') (release_of l))) as (N1 & N2 & N3);
        simpl; auto; try congruence.
      constructor; simpl in *; intros; inj; eauto; try congruence;
        try (destruct Hp; congruence); try (destruct H, Hp; congruence).
    + assert (Hb : is_backed (Release (hhash h) ByApproval) (Some h') = true).
      { unfold is_backed; simpl. rewrite Hst, Hhh, Nat.eqb_refl. simpl. apply Nat.leb_le. auto. }
      assert (Hgo : l' = with_status (with_hold l h') Unread \/ l' = with_status (with_hold l h') Scheduled \/
                    l' = released (with_hold l h') ByApproval).
      { destruct Hp as [E|E]; rewrite E in Ha; [destruct (waits l)|]; inversion Ha; auto. }
      clear Ha. destruct Hgo as [->|[->| ->]].
      1,2: destruct (Hnew (with_status (with_hold l h') Unread)) as (N1 & N2 & N3); simpl; auto;
        constructor; simpl in *; intros; inj; eauto; try congruence; try (destruct H; congruence);
        try (unfold recent_after in *; simpl in *; eauto).
      unfold released. simpl. rewrite Hx.
      destruct (Hnew (Life (Some Sent) (Some (hhash h)) (writers l) (waits l) (Some h') (Some (Release (hhash h) ByApproval))))
        as (N1 & N2 & N3); simpl; auto.
      constructor; simpl in *; intros; inj; eauto; try congruence; try (destruct H; congruence); try discriminate.
  - (* Reject *)
    destruct Hc as (-> & _). simpl in Ha. inversion Ha; subst l'; clear Ha.
    rewrite recent_same by (simpl; auto).
    constructor; simpl in *; intros; inj; simpl in *; eauto; try congruence; try (destruct H; congruence).
  - (* Reword *)
    destruct Hc as (Hy & Hhh & Hst & _). rewrite Hst in Ha. inversion Ha; subst l'; clear Ha.
    constructor; simpl in *; intros; inj; simpl in *; eauto; try congruence; try (destruct H, Hp; congruence);
      try (destruct Hp; congruence); try (rewrite Hy; constructor);
      try (match goal with I : In _ (yes _) |- _ => rewrite Hy in I; contradiction end).
  - (* Expire *)
    destruct Hc as (-> & _). simpl in Ha. inversion Ha; subst l'; clear Ha.
    rewrite recent_same by (simpl; auto).
    constructor; simpl in *; intros; inj; simpl in *; eauto; try congruence; try (destruct H; congruence).
  - (* Withdraw *)
    subst h'. simpl in Ha. inversion Ha; subst l'; clear Ha.
    rewrite recent_same by (simpl; auto).
    constructor; simpl in *; intros; inj; simpl in *; eauto; try congruence; try (destruct H; congruence).
Qed.

Lemma step_is_sound : forall t tr recent l e l',
  sound t tr recent l -> fits t e -> step l e = Moved l' -> sound t (e :: tr) (recent_after l l' e recent) l'.
Proof.
  intros t tr recent l e l' S Hf Hs. unfold step in Hs.
  destruct (may (status_of l) e) eqn:Hm; [|discriminate].
  assert (Hno : before_release (status_of l) = true -> release_of l = None) by apply (s_before _ _ _ _ S).
  destruct e as [w|w h g later its|w h later|g| | |e|ds|ds|h letter held sp| | | |later]; simpl in Hs.
  - (* Draft *)
    inversion Hs; subst l'; clear Hs. assert (E : status_of l = None) by (destruct (status_of l) as [[]|]; simpl in Hm; congruence).
    assert (Hh : hold_of l = None) by (apply (s_new _ _ _ _ S); auto).
    assert (Hr : release_of l = None) by (apply Hno; rewrite E; reflexivity).
    rewrite recent_same by (simpl; auto).
    destruct S as [A B C D F G H I J K M]. constructor; simpl; intros; inj; try congruence; eauto.
  - (* Submit *)
    inversion Hs; subst l'; clear Hs.
    assert (E : status_of l = None \/ status_of l = Some Draft) by (destruct (status_of l) as [[]|]; simpl in Hm; auto; discriminate).
    assert (Hh : hold_of l = None) by (apply (s_new _ _ _ _ S); auto).
    assert (Hr : release_of l = None) by (apply Hno; destruct E as [->| ->]; reflexivity).
    apply sound_recent with (recent := []).
    2: { intros x []. }
    assert (W : sound t tr [] (written l w h later)).
    { destruct S as [A B C D F G H I J K M]. constructor; simpl; intros; inj; eauto; try congruence; try (destruct E; congruence). }
    apply sound_gate; simpl; auto; try discriminate.
    intros -> _ x X. inj. left. exists w, later, its. simpl. auto.
  - (* Edit *)
    assert (E : status_of l = Some Scheduled) by (destruct (status_of l) as [[]|]; simpl in Hm; congruence).
    destruct (same_hash h (hash l)) eqn:Hsame.
    + inversion Hs; subst l'; clear Hs. rewrite recent_same by (simpl; auto). apply sound_longer, sound_with_waits; auto.
    + destruct (is_approved (hash l) (hold_of l)) eqn:Ha; [discriminate|]. inversion Hs; subst l'; clear Hs.
      assert (Hh : hold_of l = None) by (eapply scheduled_without; eauto).
      eapply sound_written; eauto; [apply Hno; rewrite E; reflexivity|congruence].
  - (* Come due *)
    assert (E : status_of l = Some Scheduled) by (destruct (status_of l) as [[]|]; simpl in Hm; congruence).
    assert (Hr : release_of l = None) by (apply Hno; rewrite E; reflexivity).
    unfold come_due in Hs. destruct (waits l) eqn:Hw; [discriminate|]. destruct (hash l) as [x|] eqn:Hx; [|discriminate].
    destruct g as [g|].
    + destruct (is_approved (Some x) (hold_of l)) eqn:Ha; inversion Hs; subst l'; clear Hs.
      * rewrite recent_same by (simpl; auto; rewrite hash_released; reflexivity).
        apply sound_released; auto; try congruence.
        intros y Y. eapply approved_backs; eauto. rewrite Hx. exact Ha.
      * rewrite recent_same by (simpl; auto; rewrite hash_gate; reflexivity).
        assert (Hh : hold_of l = None) by (eapply scheduled_without; eauto; rewrite Hx; exact Ha).
        apply sound_gate; auto; try congruence. intros -> _ y _. right. simpl. auto.
    + inversion Hs; subst l'; clear Hs. rewrite recent_same by (simpl; auto). apply sound_status; auto; discriminate.
  - (* Postpone *)
    inversion Hs; subst l'; clear Hs. rewrite recent_same by (simpl; auto). apply sound_longer; auto.
  - (* Discard *)
    inversion Hs; subst l'; clear Hs. rewrite recent_same by (simpl; auto). apply sound_status; auto; discriminate.
  - (* Hold *)
    apply sound_after_hold; auto.
  - (* Taken back *)
    destruct (taken_back_whole ds); [|discriminate]. inversion Hs; subst l'; clear Hs.
    rewrite recent_same by (simpl; auto). apply sound_status; auto; discriminate.
  - (* Refused *)
    destruct (forallb is_cancelled ds); [|discriminate]. inversion Hs; subst l'; clear Hs.
    rewrite recent_same by (simpl; auto). apply sound_status; auto; discriminate.
  - (* Arrive *)
    assert (E : status_of l = None) by (destruct (status_of l) as [[]|]; simpl in Hm; congruence).
    assert (Hh : hold_of l = None) by (apply (s_new _ _ _ _ S); auto).
    assert (Hr : release_of l = None) by (apply Hno; rewrite E; reflexivity).
    set (l1 := Life (status_of l) (Some h) (writers l) (waits l) (hold_of l) (release_of l)) in *.
    apply sound_recent with (recent := []).
    2: { intros x []. }
    assert (W : sound t tr [] l1).
    { destruct S as [A B C D F G H I J K M]. subst l1. constructor; simpl; intros; inj; eauto; try congruence. }
    destruct (on_arrival letter held sp) eqn:Ho; inversion Hs; subst l'; clear Hs;
      try (apply sound_held; auto; discriminate);
      apply sound_status; auto; try discriminate;
      exfalso; destruct letter, held, sp; discriminate.
  - (* Read *)
    inversion Hs; subst l'; clear Hs. rewrite recent_same by (simpl; auto). apply sound_status; auto; try discriminate.
    intros _. apply Hno. destruct (status_of l) as [[]|]; simpl in Hm; try discriminate; reflexivity.
  - (* Reported *)
    inversion Hs; subst l'; clear Hs. rewrite recent_same by (simpl; auto). apply sound_status; auto; try discriminate.
    intros _. apply Hno. destruct (status_of l) as [[]|]; simpl in Hm; try discriminate; reflexivity.
  - (* Cleared *)
    assert (Hr : release_of l = None) by (apply Hno; destruct (status_of l) as [[]|]; simpl in Hm; try discriminate; reflexivity).
    inversion Hs; subst l'; clear Hs.
    assert (U : sound t (EClearSpam :: tr) recent (with_status l Unread)) by (apply sound_status; auto; discriminate).
    pose proof (sound_longer _ _ _ _ EClearSpam S) as L.
    rewrite recent_same by (simpl; auto; destruct (status_of l) as [[]|]; reflexivity).
    destruct (status_of l) as [[]|]; assumption.
  - (* Undone *)
    assert (E : status_of l = Some Scheduled) by (destruct (status_of l) as [[]|]; simpl in Hm; congruence).
    assert (Hr : release_of l = None) by (apply Hno; rewrite E; reflexivity).
    unfold held_again in Hs. destruct (hold_of l) as [h|] eqn:Hh; [|discriminate].
    destruct (is_approved (hash l) (Some h)); [|discriminate]. inversion Hs; subst l'; clear Hs.
    pose proof (s_hash _ _ _ _ S h Hh) as Hx.
    unfold recent_after. simpl. rewrite same_content_refl.
    destruct S as [A B C D F G H I J K M]. constructor; simpl; intros; inj; simpl in *; eauto; try congruence;
      try (match goal with X : _ \/ _ |- _ => destruct X; congruence end); try constructor; try contradiction; try discriminate.
Qed.

Theorem always_sound : forall t tr recent l, run t tr recent l -> sound t tr recent l.
Proof.
  intros t tr recent l R. induction R.
  - apply sound_begins.
  - eapply step_is_sound; eauto.
  - apply sound_at_another_time; auto.
Qed.

(* ---- Promise 2: no byte leaves without a release ---- *)

(* An email that is sent has a release, and the release names what the email says now. A delivery is made by a release only, and what is delivered is hashed
   anew (server/outbound/released.ts): that, and that no two contents have one hash, is outside of the model. *)
Theorem sent_is_released : forall t tr recent l,
  run t tr recent l -> status_of l = Some Sent ->
  exists r, release_of l = Some r /\ hash l = Some (rhash r) /\ is_backed r (hold_of l) = true.
Proof.
  intros t tr recent l R Hs. pose proof (always_sound _ _ _ _ R) as S.
  destruct (release_of l) as [r|] eqn:Hr; [|exfalso; exact (s_sent _ _ _ _ S Hs Hr)].
  exists r. split; [reflexivity|]. exact (s_release _ _ _ _ S r Hr).
Qed.

(* A release without people comes of the gate saying allow: to this very content when it was handed in, or when its time had come. *)
Theorem released_by_policy : forall t tr recent l h,
  run t tr recent l -> release_of l = Some (Release h ByPolicy) ->
  (exists w later its, In (ESubmit w h Allow later its) tr) \/ In (EComeDue (DueGate Allow)) tr.
Proof. intros t tr recent l h R Hr. exact (s_policy _ _ _ _ (always_sound _ _ _ _ R) _ Hr eq_refl). Qed.

(* A release by people: as many different ones as the hold took have approved this very content since it was last changed, and since an approval was last taken back; and outside of the test world
   none of them has written in it, nor has a key of theirs (promise 3). *)
Theorem released_by_people : forall t tr recent l n,
  run t tr recent l -> release_of l = Some (Release n ByApproval) ->
  exists h, hold_of l = Some h /\ hstate h = HApproved /\ hhash h = n /\
    people h <= length (yes h) /\ NoDup (yes h) /\
    (forall v, In v (yes h) -> In (v, n) recent) /\
    (t = false -> forall v w, In v (yes h) -> In w (writers l) -> ~ speaks_for w v).
Proof.
  intros t tr recent l n R Hr. pose proof (always_sound _ _ _ _ R) as S.
  destruct (s_release _ _ _ _ S _ Hr) as [Hh Hb]. unfold is_backed in Hb; simpl in Hb.
  destruct (hold_of l) as [h|] eqn:Ho; [|discriminate]. destruct (hstate h) eqn:Hst; try discriminate.
  apply andb_true_iff in Hb as [H1 H2]. apply Nat.eqb_eq in H1. apply Nat.leb_le in H2.
  exists h. repeat split; auto.
  - exact (s_distinct _ _ _ _ S h Ho).
  - intros v I. rewrite <- H1. exact (s_named _ _ _ _ S h v Ho I).
  - intros T v w I J. exact (s_others _ _ _ _ S T h v w Ho I J).
Qed.

(* Who worded it anew is among those who approved it only where one is enough. *)
Definition alone (o : option hold) : Prop := forall h v, o = Some h -> In v (yes h) -> In v (editors h) -> people h = 1.

Lemma alone_anew : forall s n k eds o, alone (Some (Hold s n k [] eds o)).
Proof. intros s n k eds o h v E I _. inversion E; subst; simpl in I. contradiction. Qed.
Lemma alone_held : forall l n s, alone (hold_of l) -> alone (hold_of (held_for l n s)).
Proof. intros l n s A. unfold held_for. destruct (hash l); simpl; auto using alone_anew. Qed.
Lemma alone_released : forall l g, alone (hold_of l) -> alone (hold_of (released l g)).
Proof. intros l g A. unfold released. destruct (hash l); simpl; auto. Qed.
Lemma alone_gate : forall l g its, alone (hold_of l) -> alone (hold_of (after_gate l g its)).
Proof.
  intros l [|n] its A; simpl; unfold pass; destruct (waits l); simpl; auto using alone_released, alone_held.
  destruct its; simpl; auto using alone_held.
Qed.

Lemma existsb_in : forall v l, In v l -> existsb (voter_eqb v) l = true.
Proof. intros v l I. apply existsb_exists. exists v. split; [exact I|]. apply voter_eqb_true. reflexivity. Qed.

Lemma alone_approved : forall h hs ws w n pb h',
  alone (Some h) -> step_open h hs ws (Approve w n pb) = Moved h' -> alone (Some h').
Proof.
  intros h hs ws w n pb h' A H h0 v E I J. inversion E; subst h0; clear E. simpl in H.
  destruct (wrote w ws && negb (may_play_both h pb)); [discriminate|]. destruct (negb (n =? hhash h)); [discriminate|].
  destruct (own_wording h w && negb (may_play_both h pb)) eqn:O; [discriminate|]. destruct (same_hash (hhash h) hs); [|discriminate].
  unfold approved in H. destruct (existsb (voter_eqb (voter_of w)) (yes h)); [discriminate|]. inversion H; subst h'; clear H. simpl in *.
  apply in_app_iff in I as [I|[I|[]]]; [exact (A h v eq_refl I J)|subst v].
  apply andb_false_iff in O as [O|O].
  - unfold own_wording, worded in O. rewrite (existsb_in _ _ J) in O. simpl in O. apply negb_false_iff, andb_true_iff in O as [O _].
    apply Nat.eqb_eq. exact O.
  - apply negb_false_iff in O. unfold may_play_both in O. apply andb_true_iff in O as [_ O]. apply Nat.eqb_eq. exact O.
Qed.

Lemma alone_hold : forall h hs ws e h', alone (Some h) -> step_hold (Some h) hs ws e = Moved h' -> alone (Some h').
Proof.
  intros h hs ws e h' A H. simpl in H. destruct (hstate h); try discriminate. destruct (in_time h e); [discriminate|].
  destruct e as [w n pb|w n pb|w n k| |].
  - eapply alone_approved; eauto.
  - simpl in H. destruct (wrote w ws && negb (may_play_both h pb)); [discriminate|]. destruct (negb (n =? hhash h)); [discriminate|].
    inversion H; subst. intros x v E. inversion E; subst; simpl. exact (A h v eq_refl).
  - simpl in H. destruct (wrote w ws); [discriminate|]. inversion H; subst. apply alone_anew.
  - inversion H; subst. intros x v E. inversion E; subst; simpl. exact (A h v eq_refl).
  - inversion H; subst. intros x v E. inversion E; subst; simpl. exact (A h v eq_refl).
Qed.

Lemma alone_stays : forall l e l', alone (hold_of l) -> step l e = Moved l' -> alone (hold_of l').
Proof.
  intros l e l' A H. unfold step in H. destruct (may (status_of l) e); [|discriminate].
  destruct e as [w|w h g later its|w h later|g| | |e|ds|ds|h letter held sp| | | |later]; simpl in H.
  - inversion H; subst; exact A.
  - inversion H; subst. apply alone_gate. exact A.
  - destruct (same_hash h (hash l)); [inversion H; subst; exact A|].
    destruct (is_approved (hash l) (hold_of l)); [discriminate|]. inversion H; subst; exact A.
  - unfold come_due in H. destruct (waits l); [discriminate|]. destruct (hash l); [|discriminate]. destruct g as [g|].
    + inversion H; subst. destruct (is_approved _ _); auto using alone_released, alone_gate.
    + inversion H; subst; exact A.
  - inversion H; subst; exact A.
  - inversion H; subst; exact A.
  - destruct (step_hold (hold_of l) (hash l) (writers l) e) as [h'|w] eqn:E; [|discriminate].
    assert (B : alone (Some h')).
    { destruct (hold_of l) as [h|]; [|discriminate E]. exact (alone_hold _ _ _ _ _ A E). }
    simpl in H. destruct (hstate h'); try (inversion H; subst; exact B).
    destruct (status_of l) as [[]|]; try (inversion H; subst; exact B);
      destruct (waits l); inversion H; subst; auto using alone_released.
  - destruct (taken_back_whole ds); inversion H; subst; exact A.
  - destruct (forallb is_cancelled ds); inversion H; subst; exact A.
  - destruct (on_arrival letter held sp); inversion H; subst; try exact A; apply alone_held; exact A.
  - inversion H; subst; exact A.
  - inversion H; subst; exact A.
  - inversion H; subst. destruct (status_of l) as [[]|]; exact A.
  - unfold held_again in H. destruct (hold_of l); [|discriminate]. destruct (is_approved _ _); inversion H; subst; apply alone_anew.
Qed.

Theorem own_words_alone : forall t tr recent l h v,
  run t tr recent l -> hold_of l = Some h -> In v (yes h) -> In v (editors h) -> people h = 1.
Proof.
  intros t tr recent l h v R. revert h v. induction R; intros x v Hx.
  - discriminate.
  - intros I J. exact (alone_stays _ _ _ IHR H0 x v Hx I J).
  - unfold at_another_time in Hx; simpl in Hx. destruct (hold_of l) as [y|] eqn:E; [|discriminate]. inversion Hx; subst; simpl. exact (IHR y v eq_refl).
Qed.

(* And then it is a person who signs in; a key that worded it anew approves it never, outside of the test world. *)
Theorem no_key_approves_its_words : forall l h w n l',
  hold_of l = Some h -> step l (EHold (Approve w n false)) = Moved l' -> In (voter_of w) (editors h) -> key w = None.
Proof.
  intros l h w n l' Hh Hs I. unfold step in Hs. destruct (may (status_of l) _); [|discriminate]. simpl in Hs. rewrite Hh in Hs. simpl in Hs.
  destruct (hstate h); try discriminate. destruct (over h); [discriminate|]. simpl in Hs.
  destruct (wrote w (writers l) && _); [discriminate|]. destruct (negb (n =? hhash h)); [discriminate|].
  destruct (own_wording h w) eqn:O; [simpl in Hs; discriminate|].
  unfold own_wording, worded, by_hand in O. rewrite (existsb_in _ _ I) in O. simpl in O. apply negb_false_iff, andb_true_iff in O as [_ O].
  destruct (key w); [discriminate|reflexivity].
Qed.

(* Whoever stands in `recent` has approved, by name. *)
Lemma recent_is_approved : forall t tr recent l v n,
  run t tr recent l -> In (v, n) recent -> exists w pb, In (EHold (Approve w n pb)) tr /\ voter_of w = v /\ (t = false -> pb = false).
Proof.
  intros t tr recent l v n R. revert v n. induction R; intros v n I; [contradiction| |apply IHR; exact I].
  unfold recent_after in I. destruct (same_content (hash l) (hash l')); [|contradiction].
  destruct e as [| | | | | |[w h pb| | | |]| | | | | | |]; try (simpl in I; contradiction);
    try (destruct (IHR v n I) as (x & pb' & A & B & C); exists x, pb'; split; [right; exact A|auto]; fail).
  destruct I as [I|I].
  - inversion I; subst. exists w, pb. simpl in H. destruct H. split; [left; reflexivity|auto].
  - destruct (IHR v n I) as (x & pb' & A & B & C). exists x, pb'. split; [right; exact A|auto].
Qed.

(* An edit voids: after the words were changed by whoever writes, nothing is approved; what people have let go is not changed by them at all. *)
Theorem edit_voids : forall t tr recent l w h later l',
  run t tr recent l -> step l (EEdit w h later) = Moved l' -> same_hash h (hash l) = false ->
  is_approved (hash l) (hold_of l) = false /\ hold_of l' = None /\ release_of l' = None /\
  recent_after l l' (EEdit w h later) recent = [].
Proof.
  intros t tr recent l w h later l' R Hs Hd. pose proof (always_sound _ _ _ _ R) as S.
  unfold step in Hs. destruct (may (status_of l) (EEdit w h later)) eqn:Hm; [|discriminate]. simpl in Hs. rewrite Hd in Hs.
  assert (E : status_of l = Some Scheduled) by (destruct (status_of l) as [[]|]; simpl in Hm; congruence).
  destruct (is_approved (hash l) (hold_of l)) eqn:Ha; [discriminate|]. inversion Hs; subst; simpl.
  assert (Hh : hold_of l = None) by (eapply scheduled_without; eauto).
  repeat split; auto.
  - apply (s_before _ _ _ _ S). rewrite E. reflexivity.
  - unfold recent_after. simpl. destruct (hash l) as [x|]; simpl in *; [|reflexivity].
    rewrite Nat.eqb_sym, Hd. reflexivity.
Qed.

(* And when a reviewer words it anew, who approved the old wording has not approved the new one. *)
Theorem reword_voids : forall l w n k l',
  step l (EHold (Reword w n k)) = Moved l' ->
  exists h, hold_of l' = Some h /\ hstate h = Open /\ hhash h = n /\ hash l' = Some n /\ yes h = [] /\ release_of l' = release_of l.
Proof.
  intros l w n k l' Hs. unfold step in Hs. destruct (may (status_of l) (EHold (Reword w n k))); [|discriminate]. simpl in Hs.
  destruct (step_hold (hold_of l) (hash l) (writers l) (Reword w n k)) as [h'|x] eqn:Hh; [|discriminate].
  apply step_hold_moves in Hh as (h & _ & _ & Hy & Hn & Hst & _). simpl in Hs. rewrite Hst in Hs. inversion Hs; subst; simpl.
  exists h'. repeat split; auto; congruence.
Qed.

(* When an approval is taken back, nothing is approved, the same content waits, and nobody has approved it since. *)
Theorem undo_voids : forall t tr recent l later l',
  run t tr recent l -> step l (EUndo later) = Moved l' ->
  status_of l' = Some PendingSend /\ hash l' = hash l /\ release_of l' = None /\ is_approved (hash l') (hold_of l') = false /\
  (forall h, hold_of l' = Some h -> hstate h = Open /\ yes h = []) /\ recent_after l l' (EUndo later) recent = [].
Proof.
  intros t tr recent l later l' R Hs. pose proof (always_sound _ _ _ _ R) as S.
  unfold step in Hs. destruct (may (status_of l) (EUndo later)) eqn:Hm; [|discriminate]. simpl in Hs.
  assert (E : status_of l = Some Scheduled) by (destruct (status_of l) as [[]|]; simpl in Hm; congruence).
  unfold held_again in Hs. destruct (hold_of l) as [h|] eqn:Hh; [|discriminate].
  destruct (is_approved (hash l) (Some h)); [|discriminate]. inversion Hs; subst; simpl.
  repeat split; auto; try (inversion H; subst; reflexivity).
  - apply (s_before _ _ _ _ S). rewrite E. reflexivity.
  - unfold recent_after. simpl. rewrite same_content_refl. reflexivity.
Qed.

(* ---- Promise 3: silence never approves ---- *)

(* Running out ends as expired, with no release; and time that passes alone changes neither what an email is nor whether it may leave. *)
Theorem silence_never_approves : forall l l',
  step l (EHold Expire) = Moved l' -> status_of l' = Some Expired /\ release_of l' = release_of l /\
  forall h, hold_of l' = Some h -> hstate h = HExpired.
Proof.
  intros l l' Hs. unfold step in Hs. destruct (may (status_of l) (EHold Expire)); [|discriminate]. simpl in Hs.
  destruct (step_hold (hold_of l) (hash l) (writers l) Expire) as [h'|x] eqn:Hh; [|discriminate].
  apply step_hold_moves in Hh as (h & _ & _ & -> & _). simpl in Hs. inversion Hs; subst; simpl.
  repeat split; auto. intros h0 X. inversion X; subst. reflexivity.
Qed.
Theorem time_alone_decides_nothing : forall l later is_over,
  status_of (at_another_time l later is_over) = status_of l /\ release_of (at_another_time l later is_over) = release_of l.
Proof. intros. split; reflexivity. Qed.

(* Whose time is over can be decided on no more, whatever anybody says. *)
Theorem too_late_is_too_late : forall l h e l',
  hold_of l = Some h -> over h = true -> step l (EHold e) = Moved l' -> e = Expire \/ e = Withdraw.
Proof.
  intros l h e l' Hh Ho Hs. unfold step in Hs. destruct (may (status_of l) (EHold e)); [|discriminate]. simpl in Hs.
  destruct (step_hold (hold_of l) (hash l) (writers l) e) as [h'|x] eqn:Hx; [|discriminate].
  apply step_hold_moves in Hx as (h0 & E & _ & Hc). rewrite Hh in E. inversion E; subst h0.
  destruct e; auto; exfalso; intuition congruence.
Qed.

(* ---- Promise 7: every end is an end, and there is exactly one ---- *)

Definition is_final (s : status) : bool := match s with Rejected | Expired | Cancelled | SendFailed => true | _ => false end.

Theorem an_end_is_an_end : forall l s e, status_of l = Some s -> is_final s = true -> exists w, step l e = Refused w.
Proof.
  intros l s e Hs Hf. unfold step. rewrite Hs.
  destruct s; try discriminate Hf; destruct e as [| | | | | |[]| | | | | | |]; simpl; eexists; reflexivity.
Qed.

(* What is sent can only come to an end when every delivery of it was cancelled; none that may have been accepted is called taken back. *)
Theorem after_sent : forall l e l',
  status_of l = Some Sent -> step l e = Moved l' ->
  (exists ds, e = ETakeBack ds /\ status_of l' = Some Cancelled /\ forall d, In d ds -> dstate d = DCancelled /\ may_be_accepted d = false) \/
  (exists ds, e = ERefuse ds /\ status_of l' = Some SendFailed /\ forall d, In d ds -> dstate d = DCancelled).
Proof.
  intros l e l' Hs Hm. unfold step in Hm. rewrite Hs in Hm.
  destruct e as [| | | | | |[]|ds|ds| | | | |]; simpl in Hm; try discriminate.
  - left. exists ds. destruct (taken_back_whole ds) eqn:E; [|discriminate]. inversion Hm; subst; simpl. repeat split; auto;
      unfold taken_back_whole in E; rewrite forallb_forall in E; specialize (E _ H); apply andb_true_iff in E as [E1 E2];
      [destruct (dstate d) eqn:Hd; unfold is_cancelled in E1; rewrite Hd in E1; congruence|apply negb_true_iff; exact E2].
  - right. exists ds. destruct (forallb is_cancelled ds) eqn:E; [|discriminate]. inversion Hm; subst; simpl. repeat split; auto.
    intros d I. rewrite forallb_forall in E. specialize (E _ I). unfold is_cancelled in E. destruct (dstate d); congruence.
Qed.

(* ---- Promise 7, of each recipient ---- *)

Inductive delivery_run : list delivery_event -> delivery -> Prop :=
  | delivery_begins : delivery_run [] (Delivery Queued None false false false)
  | delivery_goes_on : forall tr d e d', delivery_run tr d -> step_delivery d e = DMoved d' -> delivery_run (e :: tr) d'.

(* It has ended, once and for good. *)
Theorem delivered_once : forall d e, dstate d <> Queued -> step_delivery d e = DRefused Ended.
Proof. intros d e H. unfold step_delivery. destruct (dstate d); congruence. Qed.

(* It ends only by an attempt's own end, under the lease of that attempt, or by somebody who takes it back while none is under way. A crash, which is a lease
   that lapses, ends nothing. *)
Theorem how_it_ends : forall d e d',
  dstate d = Queued -> step_delivery d e = DMoved d' -> dstate d' <> Queued ->
  (exists l o m, e = Settle l o m /\ is_mine d l = true) \/ (e = TakeBackOne /\ under_way d = false).
Proof.
  intros d e d' Hq Hs Hn. unfold step_delivery in Hs. rewrite Hq in Hs. destruct e; simpl in Hs.
  - destruct (under_way d), (taken_back d), stopped; inversion Hs; subst; simpl in Hn; congruence.
  - destruct (has_lease d); inversion Hs; subst; simpl in Hn; congruence.
  - destruct (is_mine d by_) eqn:M; [|discriminate]. left. eauto.
  - destruct (is_mine d by_); inversion Hs; subst; simpl in Hn; congruence.
  - destruct (under_way d) eqn:U; [|right; auto]. destruct (taken_back d); inversion Hs; subst; simpl in Hn; congruence.
Qed.

(* Nothing is lost: from wherever it is there is a way to its end, after a crash as well; and if it was not taken back, to being delivered. *)
Theorem never_lost : forall d, dstate d = Queued ->
  exists d1, (d1 = d \/ step_delivery d Lapse = DMoved d1) /\
    if taken_back d then exists d2, step_delivery d1 TakeBackOne = DMoved d2 /\ dstate d2 = DCancelled
    else forall l, exists d2 d3, step_delivery d1 (Claim l false) = DMoved d2 /\
      step_delivery d2 (Settle l Accepted false) = DMoved d3 /\ dstate d3 = Delivered.
Proof.
  intros [s o b tb m] Hq; simpl in Hq; subst s.
  exists (Delivery Queued o (match o with Some _ => true | None => b end) tb m). split.
  - destruct o; [right|left]; reflexivity.
  - destruct tb; simpl.
    + destruct o; simpl; eexists; split; reflexivity.
    + intro l. destruct o; simpl; do 2 eexists; (split; [reflexivity|]); unfold step_delivery, is_mine; simpl; rewrite Nat.eqb_refl; split; reflexivity.
Qed.

(* That the remote may have it is never forgotten, and an attempt of which nobody heard again leaves it said. *)
Theorem doubt_stays : forall d e d', step_delivery d e = DMoved d' -> may_be_accepted d = true -> may_be_accepted d' = true.
Proof.
  intros d e d' Hs Hm. unfold step_delivery in Hs. destruct (dstate d); try discriminate. destruct e; simpl in Hs.
  - destruct (under_way d), (taken_back d), stopped; inversion Hs; subst; simpl; rewrite Hm; reflexivity.
  - destruct (has_lease d); inversion Hs; subst; exact Hm.
  - destruct (is_mine d by_); inversion Hs; subst; simpl; rewrite Hm; reflexivity.
  - destruct (is_mine d by_); inversion Hs; subst; exact Hm.
  - destruct (under_way d), (taken_back d); inversion Hs; subst; simpl; rewrite ?Hm; reflexivity.
Qed.
Theorem crash_leaves_doubt : forall d l d',
  has_lease d = true -> step_delivery d (Claim l false) = DMoved d' -> may_be_accepted d' = true.
Proof.
  intros d l d' Hl Hs. unfold step_delivery in Hs. destruct (dstate d); try discriminate.
  destruct (under_way d), (taken_back d); inversion Hs; subst; simpl. rewrite Hl. apply orb_true_r.
Qed.

(* ---- Promise 4: autonomy goes up by a human hand only; the stop stops ---- *)

Theorem stop_stops : forall d l d', step_delivery d (Claim l true) <> DMoved d'.
Proof. intros d l d' H. unfold step_delivery in H. destruct (dstate d), (under_way d), (taken_back d); discriminate. Qed.

Definition begins_at (m : mode) : autonomy := Autonomy m None.
Inductive autonomy_run (m : mode) : list autonomy_event -> autonomy -> Prop :=
  | autonomy_begins : autonomy_run m [] (begins_at m)
  | autonomy_goes_on : forall tr s e s', autonomy_run m tr s -> step_autonomy s e = AMoved s' -> autonomy_run m (e :: tr) s'
  | autonomy_waits : forall tr s is_over, autonomy_run m tr s ->
      autonomy_run m tr (Autonomy (mode_of s) (option_map (fun a => Asked (from_mode a) (to_mode a) (tries a) is_over) (asked_for s))).

Lemma rank_injective : forall a b, rank a = rank b -> a = b.
Proof. intros [] []; simpl; intro H; try reflexivity; discriminate. Qed.

(* A mode rises only by a code that fits, to what was asked for from the mode it still has and within its time; or by a person on the host. *)
Theorem up_by_hand_only : forall s e s',
  step_autonomy s e = AMoved s' -> rank (mode_of s) < rank (mode_of s') ->
  (e = Present true /\ exists a, asked_for s = Some a /\ asked_over a = false /\ from_mode a = mode_of s /\ mode_of s' = to_mode a /\ asked_for s' = None)
  \/ (exists to, e = Restore to /\ mode_of s = GatedSend /\ mode_of s' = to).
Proof.
  intros s e s' Hs Hr. destruct e as [to|to|fits|to]; simpl in Hs.
  - unfold is_higher in Hs. destruct (rank (mode_of s) <? rank to) eqn:E; inversion Hs; subst; simpl in Hr.
    apply Nat.ltb_ge in E. lia.
  - destruct (is_higher to (mode_of s)); inversion Hs; subst; simpl in Hr. lia.
  - destruct (asked_for s) as [a|] eqn:A; [|discriminate].
    destruct (asked_over a || negb (rank (from_mode a) =? rank (mode_of s))) eqn:E; [discriminate|].
    apply orb_false_iff in E as [E1 E2]. apply negb_false_iff, Nat.eqb_eq, rank_injective in E2.
    inversion Hs; subst; clear Hs. unfold presented in *. destruct fits; simpl in *; [|lia].
    left. split; [reflexivity|]. exists a. auto.
  - change 2 with (rank GatedSend) in Hs.
    destruct ((rank (mode_of s) =? rank GatedSend) && is_higher to (mode_of s)) eqn:E; [|discriminate]. inversion Hs; subst; simpl.
    apply andb_true_iff in E as [E1 _]. apply Nat.eqb_eq, rank_injective in E1. right. exists to. auto.
Qed.

(* What waits for a code was asked for, and fewer wrong codes have been tried than end it. *)
Theorem asked_and_few_tries : forall m tr s a,
  autonomy_run m tr s -> asked_for s = Some a -> In (Ask (to_mode a)) tr /\ tries a < most_wrong_tries.
Proof.
  intros m tr s a R. revert a. induction R; intros a Ha.
  - discriminate.
  - destruct e as [to|to|fits|to]; simpl in H.
    + destruct (is_higher to (mode_of s)); inversion H; subst; simpl in Ha. destruct (IHR _ Ha). split; [right|]; auto.
    + destruct (is_higher to (mode_of s)); inversion H; subst; simpl in Ha. inversion Ha; subst; simpl. split; [left; reflexivity|].
      unfold most_wrong_tries. lia.
    + destruct (asked_for s) as [b|] eqn:B; [|discriminate].
      destruct (asked_over b || negb (rank (from_mode b) =? rank (mode_of s))); [discriminate|]. inversion H; subst; clear H.
      unfold presented in Ha. destruct fits; [discriminate|]. cbv zeta in Ha.
      destruct (S (tries b) <? most_wrong_tries) eqn:E; [|discriminate].
      destruct (IHR _ eq_refl) as [I _]. cbn [asked_for] in Ha. inversion Ha; subst. cbn [to_mode tries].
      split; [right; exact I|]. apply Nat.ltb_lt. exact E.
    + destruct ((rank (mode_of s) =? 2) && is_higher to (mode_of s)); inversion H; subst; simpl in Ha.
      destruct (IHR _ Ha). split; [right|]; auto.
  - simpl in Ha. destruct (asked_for s) as [b|] eqn:B; [|discriminate]. simpl in Ha. inversion Ha; subst; simpl. exact (IHR _ eq_refl).
Qed.
