"""Layer types and fields that this engine lacks, with the fork of Caffe that has them: for messages alone."""

#: Types of stock Caffe 1.0, whether or not the engine knows them.
STOCK = (
    "AbsVal Accuracy ArgMax BNLL BatchNorm BatchReindex Bias Clip Concat ContrastiveLoss Convolution Crop Data "
    "Deconvolution Dropout DummyData ELU Eltwise Embed EuclideanLoss Exp Filter Flatten HDF5Data HDF5Output HingeLoss "
    "Im2col ImageData InfogainLoss InnerProduct Input LRN LSTM LSTMUnit Log MVN MemoryData MultinomialLogisticLoss "
    "PReLU Parameter Pooling Power Python RNN ReLU Reduction Reshape SPP Scale Sigmoid SigmoidCrossEntropyLoss Silence "
    "Slice Softmax SoftmaxWithLoss Split Swish TanH Threshold Tile WindowData"
)
#: Fork: its types.
_TYPES = {
    "SSD's fork": "AnnotatedData DetectionEvaluate MultiBoxLoss VideoData",
    "a fork of Faster R-CNN or R-FCN": "BoxAnnotatorOHEM Proposal SmoothL1LossOHEM SoftmaxWithLossOHEM ROIAlign",
    "DeepLab's fork": "DenseCRF DomainTransform ImageSegData MatRead MatWrite SegAccuracy UniqueLabel",
    "CRF-RNN's fork": "MultiStageMeanfield",
    "OpenPose's fork": "CPMData ImResize Nms",
    "FlowNet's fork": "ChannelNorm Correlation Correlation1D CustomData DataAugmentation Downsample FlowAugmentation "
    "FlowWarp GenerateAugmentationParameters L1Loss Resample",
    "ShuffleNet's fork": "ShuffleChannel",
    "a fork for YOLO": "Region Reorg YoloDetection Yolov3 Yolov3DetectionOutput",
    "a fork for faces": "CenterLoss MarginInnerProduct",
    "a fork for texts": "CTCLoss CtcLoss Lstm Reverse Transpose WarpCTC",
    "Deformable R-CNN's fork": "DeformableConvolution DeformablePSROIPooling",
    "a fork for spatial transformers": "SpatialTransformer",
    "DeconvNet's fork": "Unpooling",
    "C3D's fork": "Convolution3D Deconvolution3D NdConvolution NdPooling Pooling3D",
    "Ristretto": "ConvolutionRistretto DeconvolutionRistretto FcRistretto LRNRistretto",
    "a fork for MobileNet v2": "ReLU6",
}
#: Fork: its fields, by message.
_FIELDS = {
    "SSD's fork": {
        "LayerParameter": "annotated_data_param detection_evaluate_param multibox_loss_param video_data_param",
        "SolverParameter": "ap_version eval_type plateau_winsize show_per_class_result",
        "TransformationParameter": "crop_h crop_w distort_param emit_constraint expand_param noise_param resize_param",
    },
    "a fork of Faster R-CNN or R-FCN": {
        "LayerParameter": "box_annotator_ohem_param proposal_param roi_align_param",
    },
    "DeepLab's fork": {
        "ConvolutionParameter": "hole hole_h hole_w",
        "LayerParameter": "dense_crf_param domain_transform_param mat_read_param mat_write_param seg_accuracy_param",
        "ImageDataParameter": "label_type",
    },
    "CRF-RNN's fork": {"LayerParameter": "multi_stage_meanfield_param"},
    "OpenPose's fork": {"LayerParameter": "cpm_transform_param imresize_param nms_param"},
    "FlowNet's fork": {"LayerParameter": "correlation_param augmentation_param l1_loss_param resample_param"},
    "ShuffleNet's fork": {"LayerParameter": "shuffle_channel_param"},
    "a fork for YOLO": {"LayerParameter": "region_param reorg_param"},
    "a fork for faces": {"LayerParameter": "center_loss_param margin_inner_product_param"},
    "a fork for texts": {"LayerParameter": "ctc_loss_param lstm_param reverse_param transpose_param warpctc_param"},
    "Deformable R-CNN's fork": {
        "LayerParameter": "deformable_convolution_param deformable_psroi_pooling_param",
    },
    "a fork for spatial transformers": {"LayerParameter": "st_param"},
    "OpenCV's own reader": {"PriorBoxParameter": "offset_h offset_w height width"},
    "NVIDIA's fork": {
        "LayerParameter": "detectnet_groundtruth_param detectnet_augmentation_param forward_type backward_type",
        "SolverParameter": "larc larc_policy min_lr rampup_interval rampup_lr",
    },
}
#: What to do without a type.
_WITHOUT = {
    "WindowData": "cut the windows out beforehand and read them by ImageData or HDF5Data",
    "HDF5Output": "write net.blobs[NAME].data to a file in a script",
}
#: What to write in place of a fork's field.
_INSTEAD = {"hole": "dilation", "hole_h": "dilation", "hole_w": "dilation"}


def of_type(name):
    """Where a layer type that the engine lacks comes from.

    Parameters
    ----------
    name : str

    Returns
    -------
    str
        Such as "SSD's fork", "stock Caffe", or an empty string where that is not known.
    """
    if name in STOCK.split():
        return "stock Caffe"
    return next((fork for fork, names in _TYPES.items() if name in names.split()), "")


def of_old_type(name):
    """The same for a type as files of the form V1 name it, such as UNPOOLING."""
    plain = name.replace("_", "").lower()
    return next((fork for fork, names in _TYPES.items() if plain in names.lower().split()), "")


def without(name):
    """What to do without a layer type that the engine lacks; an empty string where there is no advice."""
    return _WITHOUT.get(name, "")


def of_field(message, name):
    """Where a field that the engine lacks comes from, as `of_type` does; with what stands for it today, if anything.

    Returns
    -------
    fork, instead : str
    """
    forks = (fork for fork, fields in _FIELDS.items() if name in fields.get(message, "").split())
    return next(forks, ""), _INSTEAD.get(name, "")
