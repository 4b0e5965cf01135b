"""The whole schema of Caffe 1.0's text files (``caffe.proto`` as at 99bd997), and its message classes.

The classes live in a descriptor pool of their own: pycaffe registers the same names in the default one, and generated
``_pb2`` files do not span the protobuf versions that the two Pythons have. ``MESSAGES`` holds every class by name; the
ones that code names most are attributes of the module too.
"""

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

# A line without indent opens a message. Its fields: number, type ("!" required, "*" repeated, "**" repeated and
# packed), name, and the default where there is one.
_TABLE = """
enum Phase TRAIN=0 TEST=1

AccuracyParameter
    1 uint32 top_k = 1
    2 int32 axis = 1
    3 int32 ignore_label

ArgMaxParameter
    1 bool out_max_val = false
    2 uint32 top_k = 1
    3 int32 axis

BatchNormParameter
    1 bool use_global_stats
    2 float moving_average_fraction = 0.999
    3 float eps = 1e-05

BiasParameter
    1 int32 axis = 1
    2 int32 num_axes = 1
    3 FillerParameter filler

BlobProto
    1 int32 num = 0
    2 int32 channels = 0
    3 int32 height = 0
    4 int32 width = 0
    5 float** data
    6 float** diff
    7 BlobShape shape
    8 double** double_data
    9 double** double_diff

BlobProtoVector
    1 BlobProto* blobs

BlobShape
    1 int64** dim

ClipParameter
    1 float! min
    2 float! max

ConcatParameter
    1 uint32 concat_dim = 1
    2 int32 axis = 1

ContrastiveLossParameter
    1 float margin = 1
    2 bool legacy_version = false

ConvolutionParameter
    enum Engine DEFAULT=0 CAFFE=1 CUDNN=2
    1 uint32 num_output
    2 bool bias_term = true
    3 uint32* pad
    4 uint32* kernel_size
    5 uint32 group = 1
    6 uint32* stride
    7 FillerParameter weight_filler
    8 FillerParameter bias_filler
    9 uint32 pad_h = 0
    10 uint32 pad_w = 0
    11 uint32 kernel_h
    12 uint32 kernel_w
    13 uint32 stride_h
    14 uint32 stride_w
    15 Engine engine = DEFAULT
    16 int32 axis = 1
    17 bool force_nd_im2col = false
    18 uint32* dilation

CropParameter
    1 int32 axis = 2
    2 uint32* offset

DataParameter
    enum DB LEVELDB=0 LMDB=1
    1 string source
    2 float scale = 1
    3 string mean_file
    4 uint32 batch_size
    5 uint32 crop_size = 0
    6 bool mirror = false
    7 uint32 rand_skip = 0
    8 DB backend = LEVELDB
    9 bool force_encoded_color = false
    10 uint32 prefetch = 4

Datum
    1 int32 channels
    2 int32 height
    3 int32 width
    4 bytes data
    5 int32 label
    6 float* float_data
    7 bool encoded = false

DropoutParameter
    1 float dropout_ratio = 0.5

DummyDataParameter
    1 FillerParameter* data_filler
    2 uint32* num
    3 uint32* channels
    4 uint32* height
    5 uint32* width
    6 BlobShape* shape

ELUParameter
    1 float alpha = 1

EltwiseParameter
    enum EltwiseOp PROD=0 SUM=1 MAX=2
    1 EltwiseOp operation = SUM
    2 float* coeff
    3 bool stable_prod_grad = true

EmbedParameter
    1 uint32 num_output
    2 uint32 input_dim
    3 bool bias_term = true
    4 FillerParameter weight_filler
    5 FillerParameter bias_filler

ExpParameter
    1 float base = -1
    2 float scale = 1
    3 float shift = 0

FillerParameter
    enum VarianceNorm FAN_IN=0 FAN_OUT=1 AVERAGE=2
    1 string type = "constant"
    2 float value = 0
    3 float min = 0
    4 float max = 1
    5 float mean = 0
    6 float std = 1
    7 int32 sparse = -1
    8 VarianceNorm variance_norm = FAN_IN

FlattenParameter
    1 int32 axis = 1
    2 int32 end_axis = -1

HDF5DataParameter
    1 string source
    2 uint32 batch_size
    3 bool shuffle = false

HDF5OutputParameter
    1 string file_name

HingeLossParameter
    enum Norm L1=1 L2=2
    1 Norm norm = L1

ImageDataParameter
    1 string source
    2 float scale = 1
    3 string mean_file
    4 uint32 batch_size = 1
    5 uint32 crop_size = 0
    6 bool mirror = false
    7 uint32 rand_skip = 0
    8 bool shuffle = false
    9 uint32 new_height = 0
    10 uint32 new_width = 0
    11 bool is_color = true
    12 string root_folder = ""

InfogainLossParameter
    1 string source
    2 int32 axis = 1

InnerProductParameter
    1 uint32 num_output
    2 bool bias_term = true
    3 FillerParameter weight_filler
    4 FillerParameter bias_filler
    5 int32 axis = 1
    6 bool transpose = false

InputParameter
    1 BlobShape* shape

LRNParameter
    enum NormRegion ACROSS_CHANNELS=0 WITHIN_CHANNEL=1
    enum Engine DEFAULT=0 CAFFE=1 CUDNN=2
    1 uint32 local_size = 5
    2 float alpha = 1
    3 float beta = 0.75
    4 NormRegion norm_region = ACROSS_CHANNELS
    5 float k = 1
    6 Engine engine = DEFAULT

LayerParameter
    1 string name
    2 string type
    3 string* bottom
    4 string* top
    5 float* loss_weight
    6 ParamSpec* param
    7 BlobProto* blobs
    8 NetStateRule* include
    9 NetStateRule* exclude
    10 Phase phase
    11 bool* propagate_down
    100 TransformationParameter transform_param
    101 LossParameter loss_param
    102 AccuracyParameter accuracy_param
    103 ArgMaxParameter argmax_param
    104 ConcatParameter concat_param
    105 ContrastiveLossParameter contrastive_loss_param
    106 ConvolutionParameter convolution_param
    107 DataParameter data_param
    108 DropoutParameter dropout_param
    109 DummyDataParameter dummy_data_param
    110 EltwiseParameter eltwise_param
    111 ExpParameter exp_param
    112 HDF5DataParameter hdf5_data_param
    113 HDF5OutputParameter hdf5_output_param
    114 HingeLossParameter hinge_loss_param
    115 ImageDataParameter image_data_param
    116 InfogainLossParameter infogain_loss_param
    117 InnerProductParameter inner_product_param
    118 LRNParameter lrn_param
    119 MemoryDataParameter memory_data_param
    120 MVNParameter mvn_param
    121 PoolingParameter pooling_param
    122 PowerParameter power_param
    123 ReLUParameter relu_param
    124 SigmoidParameter sigmoid_param
    125 SoftmaxParameter softmax_param
    126 SliceParameter slice_param
    127 TanHParameter tanh_param
    128 ThresholdParameter threshold_param
    129 WindowDataParameter window_data_param
    130 PythonParameter python_param
    131 PReLUParameter prelu_param
    132 SPPParameter spp_param
    133 ReshapeParameter reshape_param
    134 LogParameter log_param
    135 FlattenParameter flatten_param
    136 ReductionParameter reduction_param
    137 EmbedParameter embed_param
    138 TileParameter tile_param
    139 BatchNormParameter batch_norm_param
    140 ELUParameter elu_param
    141 BiasParameter bias_param
    142 ScaleParameter scale_param
    143 InputParameter input_param
    144 CropParameter crop_param
    145 ParameterParameter parameter_param
    146 RecurrentParameter recurrent_param
    147 SwishParameter swish_param
    148 ClipParameter clip_param

LogParameter
    1 float base = -1
    2 float scale = 1
    3 float shift = 0

LossParameter
    enum NormalizationMode FULL=0 VALID=1 BATCH_SIZE=2 NONE=3
    1 int32 ignore_label
    2 bool normalize
    3 NormalizationMode normalization = VALID

MVNParameter
    1 bool normalize_variance = true
    2 bool across_channels = false
    3 float eps = 1e-09

MemoryDataParameter
    1 uint32 batch_size
    2 uint32 channels
    3 uint32 height
    4 uint32 width

NetParameter
    1 string name
    2 V1LayerParameter* layers
    3 string* input
    4 int32* input_dim
    5 bool force_backward = false
    6 NetState state
    7 bool debug_info = false
    8 BlobShape* input_shape
    100 LayerParameter* layer

NetState
    1 Phase phase = TEST
    2 int32 level = 0
    3 string* stage

NetStateRule
    1 Phase phase
    2 int32 min_level
    3 int32 max_level
    4 string* stage
    5 string* not_stage

PReLUParameter
    1 FillerParameter filler
    2 bool channel_shared = false

ParamSpec
    enum DimCheckMode STRICT=0 PERMISSIVE=1
    1 string name
    2 DimCheckMode share_mode
    3 float lr_mult = 1
    4 float decay_mult = 1

ParameterParameter
    1 BlobShape shape

PoolingParameter
    enum PoolMethod MAX=0 AVE=1 STOCHASTIC=2
    enum Engine DEFAULT=0 CAFFE=1 CUDNN=2
    enum RoundMode CEIL=0 FLOOR=1
    1 PoolMethod pool = MAX
    2 uint32 kernel_size
    3 uint32 stride = 1
    4 uint32 pad = 0
    5 uint32 kernel_h
    6 uint32 kernel_w
    7 uint32 stride_h
    8 uint32 stride_w
    9 uint32 pad_h = 0
    10 uint32 pad_w = 0
    11 Engine engine = DEFAULT
    12 bool global_pooling = false
    13 RoundMode round_mode = CEIL

PowerParameter
    1 float power = 1
    2 float scale = 1
    3 float shift = 0

PythonParameter
    1 string module
    2 string layer
    3 string param_str = ""
    4 bool share_in_parallel = false

ReLUParameter
    enum Engine DEFAULT=0 CAFFE=1 CUDNN=2
    1 float negative_slope = 0
    2 Engine engine = DEFAULT

RecurrentParameter
    1 uint32 num_output = 0
    2 FillerParameter weight_filler
    3 FillerParameter bias_filler
    4 bool debug_info = false
    5 bool expose_hidden = false

ReductionParameter
    enum ReductionOp SUM=1 ASUM=2 SUMSQ=3 MEAN=4
    1 ReductionOp operation = SUM
    2 int32 axis = 0
    3 float coeff = 1

ReshapeParameter
    1 BlobShape shape
    2 int32 axis = 0
    3 int32 num_axes = -1

SPPParameter
    enum PoolMethod MAX=0 AVE=1 STOCHASTIC=2
    enum Engine DEFAULT=0 CAFFE=1 CUDNN=2
    1 uint32 pyramid_height
    2 PoolMethod pool = MAX
    6 Engine engine = DEFAULT

ScaleParameter
    1 int32 axis = 1
    2 int32 num_axes = 1
    3 FillerParameter filler
    4 bool bias_term = false
    5 FillerParameter bias_filler

SigmoidParameter
    enum Engine DEFAULT=0 CAFFE=1 CUDNN=2
    1 Engine engine = DEFAULT

SliceParameter
    1 uint32 slice_dim = 1
    2 uint32* slice_point
    3 int32 axis = 1

SoftmaxParameter
    enum Engine DEFAULT=0 CAFFE=1 CUDNN=2
    1 Engine engine = DEFAULT
    2 int32 axis = 1

SolverParameter
    enum SnapshotFormat HDF5=0 BINARYPROTO=1
    enum SolverMode CPU=0 GPU=1
    enum SolverType SGD=0 NESTEROV=1 ADAGRAD=2 RMSPROP=3 ADADELTA=4 ADAM=5
    1 string train_net
    2 string* test_net
    3 int32* test_iter
    4 int32 test_interval = 0
    5 float base_lr
    6 int32 display
    7 int32 max_iter
    8 string lr_policy
    9 float gamma
    10 float power
    11 float momentum
    12 float weight_decay
    13 int32 stepsize
    14 int32 snapshot = 0
    15 string snapshot_prefix
    16 bool snapshot_diff = false
    17 SolverMode solver_mode = GPU
    18 int32 device_id = 0
    19 bool test_compute_loss = false
    20 int64 random_seed = -1
    21 NetParameter train_net_param
    22 NetParameter* test_net_param
    23 bool debug_info = false
    24 string net
    25 NetParameter net_param
    26 NetState train_state
    27 NetState* test_state
    28 bool snapshot_after_train = true
    29 string regularization_type = "L2"
    30 SolverType solver_type = SGD
    31 float delta = 1e-08
    32 bool test_initialization = true
    33 int32 average_loss = 1
    34 int32* stepvalue
    35 float clip_gradients = -1
    36 int32 iter_size = 1
    37 SnapshotFormat snapshot_format = BINARYPROTO
    38 float rms_decay = 0.99
    39 float momentum2 = 0.999
    40 string type = "SGD"
    41 bool layer_wise_reduce = true
    42 string* weights

SolverState
    1 int32 iter
    2 string learned_net
    3 BlobProto* history
    4 int32 current_step = 0

SwishParameter
    1 float beta = 1

TanHParameter
    enum Engine DEFAULT=0 CAFFE=1 CUDNN=2
    1 Engine engine = DEFAULT

ThresholdParameter
    1 float threshold = 0

TileParameter
    1 int32 axis = 1
    2 int32 tiles

TransformationParameter
    1 float scale = 1
    2 bool mirror = false
    3 uint32 crop_size = 0
    4 string mean_file
    5 float* mean_value
    6 bool force_color = false
    7 bool force_gray = false

V0LayerParameter
    enum PoolMethod MAX=0 AVE=1 STOCHASTIC=2
    1 string name
    2 string type
    3 uint32 num_output
    4 bool biasterm = true
    5 FillerParameter weight_filler
    6 FillerParameter bias_filler
    7 uint32 pad = 0
    8 uint32 kernelsize
    9 uint32 group = 1
    10 uint32 stride = 1
    11 PoolMethod pool = MAX
    12 float dropout_ratio = 0.5
    13 uint32 local_size = 5
    14 float alpha = 1
    15 float beta = 0.75
    16 string source
    17 float scale = 1
    18 string meanfile
    19 uint32 batchsize
    20 uint32 cropsize = 0
    21 bool mirror = false
    22 float k = 1
    50 BlobProto* blobs
    51 float* blobs_lr
    52 float* weight_decay
    53 uint32 rand_skip = 0
    54 float det_fg_threshold = 0.5
    55 float det_bg_threshold = 0.5
    56 float det_fg_fraction = 0.25
    58 uint32 det_context_pad = 0
    59 string det_crop_mode = "warp"
    60 int32 new_num = 0
    61 int32 new_channels = 0
    62 int32 new_height = 0
    63 int32 new_width = 0
    64 bool shuffle_images = false
    65 uint32 concat_dim = 1
    1001 HDF5OutputParameter hdf5_output_param

V1LayerParameter
    enum LayerType NONE=0 ACCURACY=1 BNLL=2 CONCAT=3 CONVOLUTION=4 DATA=5 DROPOUT=6 EUCLIDEAN_LOSS=7 FLATTEN=8 \
        HDF5_DATA=9 HDF5_OUTPUT=10 IM2COL=11 IMAGE_DATA=12 INFOGAIN_LOSS=13 INNER_PRODUCT=14 LRN=15 \
        MULTINOMIAL_LOGISTIC_LOSS=16 POOLING=17 RELU=18 SIGMOID=19 SOFTMAX=20 SOFTMAX_LOSS=21 SPLIT=22 TANH=23 \
        WINDOW_DATA=24 ELTWISE=25 POWER=26 SIGMOID_CROSS_ENTROPY_LOSS=27 HINGE_LOSS=28 MEMORY_DATA=29 ARGMAX=30 \
        THRESHOLD=31 DUMMY_DATA=32 SLICE=33 MVN=34 ABSVAL=35 SILENCE=36 CONTRASTIVE_LOSS=37 EXP=38 \
        DECONVOLUTION=39
    enum DimCheckMode STRICT=0 PERMISSIVE=1
    1 V0LayerParameter layer
    2 string* bottom
    3 string* top
    4 string name
    5 LayerType type
    6 BlobProto* blobs
    7 float* blobs_lr
    8 float* weight_decay
    9 ConcatParameter concat_param
    10 ConvolutionParameter convolution_param
    11 DataParameter data_param
    12 DropoutParameter dropout_param
    13 HDF5DataParameter hdf5_data_param
    14 HDF5OutputParameter hdf5_output_param
    15 ImageDataParameter image_data_param
    16 InfogainLossParameter infogain_loss_param
    17 InnerProductParameter inner_product_param
    18 LRNParameter lrn_param
    19 PoolingParameter pooling_param
    20 WindowDataParameter window_data_param
    21 PowerParameter power_param
    22 MemoryDataParameter memory_data_param
    23 ArgMaxParameter argmax_param
    24 EltwiseParameter eltwise_param
    25 ThresholdParameter threshold_param
    26 DummyDataParameter dummy_data_param
    27 AccuracyParameter accuracy_param
    29 HingeLossParameter hinge_loss_param
    30 ReLUParameter relu_param
    31 SliceParameter slice_param
    32 NetStateRule* include
    33 NetStateRule* exclude
    34 MVNParameter mvn_param
    35 float* loss_weight
    36 TransformationParameter transform_param
    37 TanHParameter tanh_param
    38 SigmoidParameter sigmoid_param
    39 SoftmaxParameter softmax_param
    40 ContrastiveLossParameter contrastive_loss_param
    41 ExpParameter exp_param
    42 LossParameter loss_param
    1001 string* param
    1002 DimCheckMode* blob_share_mode

WindowDataParameter
    1 string source
    2 float scale = 1
    3 string mean_file
    4 uint32 batch_size
    5 uint32 crop_size = 0
    6 bool mirror = false
    7 float fg_threshold = 0.5
    8 float bg_threshold = 0.5
    9 float fg_fraction = 0.25
    10 uint32 context_pad = 0
    11 string crop_mode = "warp"
    12 bool cache_images = false
    13 string root_folder = ""
"""

_TYPES = {"double": 1, "float": 2, "int64": 3, "int32": 5, "bool": 8, "string": 9, "bytes": 12, "uint32": 13}
_MESSAGE, _ENUM = 11, 14
_LABELS = {"": 1, "!": 2, "*": 3, "**": 3}


def _add_enum(scope, words):
    enum = next((enum for enum in scope.enum_type if enum.name == words[1]), None) or scope.enum_type.add(name=words[1])
    known = {value.name for value in enum.value}
    for name, number in (word.split("=") for word in words[2:]):
        if name not in known:
            enum.value.add(name=name, number=int(number))


def _add_field(message, package_enums, words):
    if words[2] in [field.name for field in message.field]:
        return
    kind = words[1].rstrip("*!")
    label = words[1][len(kind) :]
    field = message.field.add(name=words[2], number=int(words[0]), label=_LABELS[label])
    if kind in _TYPES:
        field.type = _TYPES[kind]
    elif kind in package_enums:
        field.type, field.type_name = _ENUM, f".caffe.{kind}"
    elif kind in [enum.name for enum in message.enum_type]:
        field.type, field.type_name = _ENUM, f".caffe.{message.name}.{kind}"
    else:
        field.type, field.type_name = _MESSAGE, f".caffe.{kind}"
    if len(words) == 5:
        field.default_value = words[4].strip('"')
    if label == "**":
        field.options.packed = True


def _file(more):
    file = descriptor_pb2.FileDescriptorProto(name="cellseg/whole_caffe.proto", package="caffe", syntax="proto2")
    message, package_enums = None, []
    for line in (_TABLE + more).splitlines():
        words = line.split()
        if not words:
            message = None
        elif words[0] == "enum":
            _add_enum(message or file, words)
            package_enums = [enum.name for enum in file.enum_type]
        elif line[0] == " ":
            _add_field(message, package_enums, words)
        else:
            known = {one.name: one for one in file.message_type}
            message = known.get(words[0]) or file.message_type.add(name=words[0])
    return file


def build(more=""):
    """Make the message classes.

    Parameters
    ----------
    more : str
        Messages, enums and fields beside Caffe's own, in the form of this module's table. A message may be one of
        Caffe's; what it has already stays as it is; an enum may get more values.

    Returns
    -------
    dict of str to type
        Every class by name, from a pool of their own.
    """
    file = _file(more)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file) if hasattr(pool, "Add") else pool.AddSerializedFile(file.SerializeToString())
    make = getattr(message_factory, "GetMessageClass", None) or message_factory.MessageFactory(pool).GetPrototype
    return {message.name: make(pool.FindMessageTypeByName(f"caffe.{message.name}")) for message in file.message_type}


MESSAGES = build()
NetParameter = MESSAGES["NetParameter"]
SolverParameter = MESSAGES["SolverParameter"]
LayerParameter = MESSAGES["LayerParameter"]
FillerParameter = MESSAGES["FillerParameter"]
NetState = MESSAGES["NetState"]
TRAIN, TEST = 0, 1
