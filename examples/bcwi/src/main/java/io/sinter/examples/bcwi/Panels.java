// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples.bcwi;

import io.sinter.examples.bcwi.Panel.Trial;
import io.sinter.examples.bcwi.Split.Sizes;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/// The panels of the experiment.
///
/// @param images sizes of the panels of images
/// @param fewImages sizes of the smallest of them
/// @param addedImages images of added classes
/// @param mails sizes of the panels of mail
/// @param addedMails mails of an added class
/// @param epochs of each training
/// @param rate the learning rate
record Panels(
    Sizes images,
    Sizes fewImages,
    int addedImages,
    Sizes mails,
    int addedMails,
    int epochs,
    double rate) {

  /// As the experiment is reported.
  static final Panels WHOLE =
      new Panels(
          new Sizes(10_000, 15_000, 5_000),
          new Sizes(1_000, 1_500, 5_000),
          5_000,
          new Sizes(1_000, 1_500, 1_000),
          125,
          20,
          1e-3);

  /// The set-up that everything else is a variation of.
  static final String MAIN = "main";

  static final List<String> IDS =
      List.of(
          MAIN,
          "add_classes",
          "constant",
          "scratch",
          "small",
          "unfinished",
          "mail",
          "mail_add_classes");

  private static final Set<Trial> BASIC =
      EnumSet.of(Trial.FISHER, Trial.ENSEMBLE, Trial.CHECKPOINTS);

  private static Set<Trial> basicAnd(Trial... more) {
    Set<Trial> trials = EnumSet.copyOf(BASIC);
    trials.addAll(List.of(more));
    return trials;
  }

  /// Panels of images.
  ///
  /// @param data Fashion-MNIST, pixels standardised
  /// @param raw the same, pixels from 0 to 1
  /// @param oldClasses classes that an old model knows before others are added
  List<Panel> ofImages(Data data, Data raw, int oldClasses) {
    Trainer falling = new Trainer(epochs, rate, Schedule.COSINE);
    Trainer constant = new Trainer(epochs, rate, Schedule.CONSTANT);
    return List.of(
        new Panel(
            MAIN,
            "Fashion-MNIST, AddData",
            seed -> Split.addData(data, images, seed),
            falling,
            false,
            EnumSet.complementOf(EnumSet.of(Trial.DECAY))),
        new Panel(
            "add_classes",
            "Fashion-MNIST, AddClasses",
            seed -> Split.addClasses(data, images, oldClasses, addedImages, seed),
            falling,
            false,
            BASIC),
        new Panel(
            "constant",
            "Fashion-MNIST, AddData, constant learning rate",
            seed -> Split.addData(data, images, seed),
            constant,
            false,
            basicAnd(Trial.DECAY)),
        new Panel(
            "scratch",
            "Fashion-MNIST, AddData, new model from weights of its own",
            seed -> Split.addData(data, images, seed),
            falling,
            true,
            BASIC),
        new Panel(
            "small",
            "Fashion-MNIST, AddData, a tenth of the images",
            seed -> Split.addData(data, fewImages, seed),
            falling,
            false,
            basicAnd(Trial.ESTIMATORS)),
        new Panel(
            "unfinished",
            "Fashion-MNIST, AddData, pixels not standardised",
            seed -> Split.addData(raw, images, seed),
            falling,
            false,
            BASIC));
  }

  /// Panels of mail.
  ///
  /// @param two mail as ham and spam
  /// @param three the same, with hard ham as a class of its own
  List<Panel> ofMail(Data two, Data three) {
    // At the ordinary rate a class of which there are few examples is hardly ever learned.
    Trainer faster = new Trainer(epochs, 3 * rate, Schedule.COSINE);
    return List.of(
        new Panel(
            "mail",
            "SpamAssassin subjects, AddData",
            seed -> Split.addData(two, mails, seed),
            new Trainer(epochs, rate, Schedule.COSINE),
            false,
            EnumSet.complementOf(EnumSet.of(Trial.DECAY, Trial.SOUP))),
        new Panel(
            "mail_add_classes",
            "SpamAssassin subjects, AddClasses",
            seed -> Split.addClasses(three, mails, SpamData.HARD_HAM, addedMails, seed),
            faster,
            false,
            BASIC));
  }
}
